"""A PyTorch network through torch.compile with OpenVINO's backend.

Its own cache (`model_caching`) holds the network in OpenVINO's format, which larder does not
replace, and the compiled model, which larder replaces.
"""

from client_program import Start, main, was_loaded


def prepare(folder):
    """The network is made at each start, from the same seed."""


def network(torch):
    torch.manual_seed(0)
    layers, width = [], 3
    for wider in (64, 128, 256, 512, 1024):
        layers += [torch.nn.Conv2d(width, wider, 3, 2, 1), torch.nn.GELU()]
        width = wider
    return torch.nn.Sequential(
        *layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(width, 1000),
    ).eval()


def run(folder, own_cache):
    import openvino.torch  # noqa: F401  registers the backend
    import torch
    from openvino.frontend.pytorch.torchdynamo import execute

    model = network(torch)
    values = torch.sin(torch.arange(3 * 64 * 64, dtype=torch.float32)).reshape(1, 3, 64, 64)
    # Without aot_autograd the backend fails on this version of PyTorch, and falls back to another.
    options = {"device": "CPU", "aot_autograd": True}
    if own_cache:
        options |= {"model_caching": True, "cache_dir": own_cache}
    start = Start()
    compiled = torch.compile(model, backend="openvino", options=options)
    with torch.no_grad():
        outputs = compiled(values)  # compiles
    start.is_ready()
    start.tell([float(x) for x in outputs.ravel()[:8]],
               [was_loaded(model) for model in execute.compiled_cache.values()])


main(prepare, run)
