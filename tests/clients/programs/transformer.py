"""Generates tokens with optimum-intel, from a small Llama with random weights."""

from client_program import Start, main, was_loaded

TOKENS = 8


def prepare(folder):
    import torch
    from optimum.intel import OVModelForCausalLM
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=512, intermediate_size=1408, num_hidden_layers=6, num_attention_heads=8,
        num_key_value_heads=4, vocab_size=8000)
    LlamaForCausalLM(config).save_pretrained(folder / "torch")
    exported = OVModelForCausalLM.from_pretrained(folder / "torch", export=True, compile=False)
    exported.save_pretrained(folder / "openvino")


def run(folder, own_cache):
    import torch
    from optimum.intel import OVModelForCausalLM

    start = Start()
    model = OVModelForCausalLM.from_pretrained(
        folder / "openvino", device="CPU", ov_config={"CACHE_DIR": own_cache} if own_cache else {})
    start.is_ready()
    tokens = torch.arange(3, 11).reshape(1, -1)
    generated = model.generate(
        tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=TOKENS, do_sample=False,
        eos_token_id=None)
    start.tell(generated[0].tolist(), [was_loaded(model.request.get_compiled_model())])


main(prepare, run)
