"""Draws pictures in three sizes with optimum-intel's Stable Diffusion, all of its networks small
and with random weights. Each size is a pipeline of its own, reshaped before it is compiled."""

import json

from client_program import Start, main, was_loaded

SIZES = (64, 96, 128)
STEPS = 2


def write_tokenizer(folder):
    """CLIP's vocabulary, with the minimum of words."""
    from transformers import CLIPTokenizer

    words = ["l", "o", "w", "e", "r", "lo", "l</w>", "w</w>", "r</w>", "t</w>", "low</w>", "er</w>",
             "<|startoftext|>", "<|endoftext|>"]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({word: number for number, word in enumerate(words)}))
    merges = folder / "merges.txt"
    merges.write_text("#version: 0.2\nl o\nlo w</w>\ne r</w>\n")
    return CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)


def write_pipeline(folder):
    import torch
    from diffusers import (
        AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel)
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(128, 256), layers_per_block=2, sample_size=32, in_channels=4,
        out_channels=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=128)
    vae = AutoencoderKL(
        block_out_channels=[32, 64], in_channels=3, out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=4)
    text_encoder = CLIPTextModel(CLIPTextConfig(
        bos_token_id=12, eos_token_id=13, pad_token_id=1, hidden_size=128, intermediate_size=256,
        num_attention_heads=4, num_hidden_layers=4, vocab_size=14))
    tokens = folder / "tokenizer"
    tokens.mkdir()
    StableDiffusionPipeline(
        unet=unet, vae=vae, text_encoder=text_encoder, tokenizer=write_tokenizer(tokens),
        scheduler=PNDMScheduler(skip_prk_steps=True), safety_checker=None, feature_extractor=None,
    ).save_pretrained(folder / "torch")


def prepare(folder):
    from optimum.intel import OVStableDiffusionPipeline

    write_pipeline(folder)
    exported = OVStableDiffusionPipeline.from_pretrained(
        folder / "torch", export=True, compile=False)
    exported.save_pretrained(folder / "openvino")


def run(folder, own_cache):
    import numpy as np
    from optimum.intel import OVStableDiffusionPipeline

    start = Start()
    pipelines = {}
    for size in SIZES:
        pipeline = OVStableDiffusionPipeline.from_pretrained(
            folder / "openvino", compile=False, device="CPU",
            ov_config={"CACHE_DIR": own_cache} if own_cache else {})
        pipeline.reshape(batch_size=1, height=size, width=size, num_images_per_prompt=1)
        pipeline.compile()
        pipeline.set_progress_bar_config(disable=True)
        pipelines[size] = pipeline
    start.is_ready()
    pictures = {
        size: pipeline("lower low", height=size, width=size, num_inference_steps=STEPS,
                       generator=np.random.RandomState(0), output_type="np").images[0]
        for size, pipeline in pipelines.items()}
    start.tell(
        {size: [float(x) for x in picture.ravel()[:12]] for size, picture in pictures.items()},
        [was_loaded(part.request) for pipeline in pipelines.values()
         for part in pipeline.components.values()])


main(prepare, run)
