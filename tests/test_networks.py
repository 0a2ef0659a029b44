"""Networks: keys and arithmetic of the original CycleGAN, sizes, weights, errors by name."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigclean.errors import SigcleanError
from sigclean.networks.build import (
    DISCRIMINATORS,
    GENERATORS,
    build_discriminator,
    build_generator,
    check_size,
    init_weights,
)
from sigclean.networks.eraser import GlobalContext
from sigclean.networks.layers import freeze_idle_biases, norm_layer


def state_shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


def parameters(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def on_meta(name: str, **arguments: object) -> nn.Module:
    with torch.device("meta"):
        return build_generator(name, **arguments)


# --- the original's ResNet ----------------------------------------------------------------------


def original_resnet_shapes(blocks: int, second: int = 5) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the original's files, ngf 64, instance norm."""
    last = 10 + blocks
    weights = {
        "model.1": (64, 3, 7, 7),
        "model.4": (128, 64, 3, 3),
        "model.7": (256, 128, 3, 3),
        f"model.{last}": (256, 128, 3, 3),  # transposed: input channels first
        f"model.{last + 3}": (128, 64, 3, 3),
        f"model.{last + 7}": (3, 64, 7, 7),
    }
    for block in range(10, last):
        for conv in (1, second):
            weights[f"model.{block}.conv_block.{conv}"] = (256, 256, 3, 3)
    shapes: dict[str, tuple[int, ...]] = {}
    for key, shape in weights.items():
        transposed = key in (f"model.{last}", f"model.{last + 3}")
        shapes[f"{key}.weight"] = shape
        shapes[f"{key}.bias"] = (shape[1] if transposed else shape[0],)
    return shapes


def test_resnet_9blocks_has_the_48_tensors_of_the_original() -> None:
    shapes = state_shapes(on_meta("resnet_9blocks"))
    assert len(shapes) == 48
    assert shapes == original_resnet_shapes(9)


def test_resnet_9blocks_has_11_378_million_parameters() -> None:
    assert parameters(on_meta("resnet_9blocks")) == 11_378_179


def test_resnet_6blocks_has_the_keys_of_the_original() -> None:
    assert state_shapes(on_meta("resnet_6blocks")) == original_resnet_shapes(6)


def test_dropout_moves_the_second_convolution_of_a_block_to_position_6() -> None:
    generator = on_meta("resnet_9blocks", dropout=True)
    assert state_shapes(generator) == original_resnet_shapes(9, second=6)


def test_batch_norm_has_weights_and_takes_the_bias_from_hidden_convolutions() -> None:
    keys = state_shapes(on_meta("resnet_6blocks", norm="batch"))
    assert "model.1.bias" not in keys
    assert keys["model.2.running_mean"] == (64,)
    assert keys["model.10.conv_block.6.weight"] == (256,)
    assert "model.23.bias" in keys


# --- the original's U-Net -----------------------------------------------------------------------


@pytest.mark.parametrize(("name", "downs"), [("unet_128", 7), ("unet_256", 8)])
def test_unet_keys_nest_one_level_deeper_for_each_halving(name: str, downs: int) -> None:
    expected = {"model.model.0", "model.model.3"}
    level = "model.model.1"
    for _ in range(downs - 2):
        expected |= {f"{level}.model.1", f"{level}.model.5"}
        level += ".model.3"
    expected |= {f"{level}.model.1", f"{level}.model.3"}
    keys = state_shapes(on_meta(name))
    assert set(keys) == {f"{key}.{part}" for key in expected for part in ("weight", "bias")}


def test_unet_shapes_are_the_originals() -> None:
    shapes = state_shapes(on_meta("unet_256"))
    assert shapes["model.model.0.weight"] == (64, 3, 4, 4)
    assert shapes["model.model.3.weight"] == (128, 3, 4, 4)
    assert shapes["model.model.1.model.1.weight"] == (128, 64, 4, 4)
    assert shapes["model.model.1.model.5.weight"] == (256, 64, 4, 4)
    innermost = "model.model.1" + ".model.3" * 6
    assert shapes[f"{innermost}.model.1.weight"] == (512, 512, 4, 4)
    assert shapes[f"{innermost}.model.3.weight"] == (512, 512, 4, 4)


def test_unet_with_batch_norm_has_the_published_parameter_counts() -> None:
    assert parameters(on_meta("unet_256", norm="batch")) == 54_413_955
    assert parameters(on_meta("unet_128", norm="batch")) == 41_828_995


# --- every generator ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_keeps_the_size_and_the_range(name: str) -> None:
    narrow = {} if name == "eraser" else {"ngf": 4}
    torch.manual_seed(0)
    generator = build_generator(name, **narrow)
    size = max(generator.multiple, 16)
    picture = torch.rand(2, 3, size, 2 * size) * 2 - 1
    result = generator(picture)
    assert result.shape == picture.shape
    assert result.abs().max() <= 1 + 1e-6


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("name", ["resnet_6blocks", "unet_128"])
def test_a_norm_never_moves_the_convolutions(name: str, norm: str) -> None:
    plain = {key for key in state_shapes(on_meta(name)) if key.endswith("weight")}
    assert plain <= set(state_shapes(on_meta(name, norm=norm)))


def test_unet_dropout_adds_no_key() -> None:
    assert state_shapes(on_meta("unet_256", dropout=True)) == state_shapes(on_meta("unet_256"))


@pytest.mark.parametrize(
    ("name", "fits", "refused"),
    [
        ("resnet_9blocks", 508, 510),
        ("unet_256", 512, 384),
        ("unet_128", 384, 320),
        ("eraser", 480, 500),
    ],
)
def test_a_size_that_a_generator_cannot_take_is_refused(name: str, fits: int, refused: int) -> None:
    generator = on_meta(name)
    check_size(generator, fits)
    with pytest.raises(SigcleanError, match=f"{refused} pixels.*multiple of {generator.multiple}"):
        check_size(generator, refused)


# --- discriminators -----------------------------------------------------------------------------


def test_basic_is_the_patchgan_with_the_keys_of_the_original() -> None:
    shapes = state_shapes(build_discriminator("basic"))
    weights = {
        "model.0": (64, 3, 4, 4),
        "model.2": (128, 64, 4, 4),
        "model.5": (256, 128, 4, 4),
        "model.8": (512, 256, 4, 4),
        "model.11": (1, 512, 4, 4),
    }
    expected = {f"{key}.weight": shape for key, shape in weights.items()}
    expected |= {f"{key}.bias": shape[:1] for key, shape in weights.items()}
    assert shapes == expected


def test_one_verdict_of_basic_sees_70x70_pixels() -> None:
    """Without norm, only pixels in the receptive field have a gradient."""
    torch.manual_seed(0)
    discriminator = build_discriminator("basic", ndf=8, norm="none")
    picture = torch.randn(1, 3, 256, 256, requires_grad=True)
    discriminator(picture)[0, 0, 15, 15].backward()
    seen = picture.grad[0].abs().sum(0).nonzero()
    height, width = (seen.max(0).values - seen.min(0).values + 1).tolist()
    assert (height, width) == (70, 70)


def test_basic_gives_30x30_verdicts_for_256_pixels() -> None:
    assert build_discriminator("basic", ndf=4)(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)


def test_each_further_layer_halves_the_verdicts() -> None:
    four = build_discriminator("n_layers", n_layers=4, ndf=4)
    assert four(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 14, 14)


def test_pixel_judges_each_pixel_with_the_keys_of_the_original() -> None:
    discriminator = build_discriminator("pixel")
    shapes = state_shapes(discriminator)
    assert {key for key in shapes if key.endswith("weight")} == {
        "net.0.weight",
        "net.2.weight",
        "net.5.weight",
    }
    assert discriminator(torch.zeros(1, 3, 24, 40)).shape == (1, 1, 24, 40)


# --- weights ------------------------------------------------------------------------------------


def drawn(init_type: str, **arguments: float) -> nn.Conv2d:
    torch.manual_seed(0)
    layer = nn.Conv2d(64, 128, 3)
    init_weights(layer, init_type, **arguments)
    return layer


def test_the_default_draws_from_a_normal_of_gain_0_02_and_zero_bias() -> None:
    torch.manual_seed(0)
    discriminator = build_discriminator("basic")
    init_weights(discriminator)
    weight = discriminator.state_dict()["model.8.weight"]
    assert weight.std().item() == pytest.approx(0.02, rel=0.01)
    assert all(
        (value == 0).all() for key, value in discriminator.state_dict().items() if "bias" in key
    )


@pytest.mark.parametrize(
    ("init_type", "deviation"),
    [
        ("normal", 0.5),
        ("xavier", 0.5 * (2 / (64 * 9 + 128 * 9)) ** 0.5),
        ("kaiming", (2 / (64 * 9)) ** 0.5),
    ],
)
def test_random_weights_have_the_deviation_of_their_method(
    init_type: str, deviation: float
) -> None:
    weight = drawn(init_type, init_gain=0.5).weight
    assert weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert weight.mean().item() == pytest.approx(0, abs=deviation / 50)


def test_orthogonal_weights_are_orthogonal_times_gain() -> None:
    rows = drawn("orthogonal", init_gain=0.5).weight.detach().flatten(1)
    torch.testing.assert_close(rows @ rows.T, 0.25 * torch.eye(128), atol=1e-5, rtol=0)


def test_batch_norm_weights_are_drawn_around_one() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(4096)
    init_weights(norm, init_gain=0.02)
    assert norm.weight.mean().item() == pytest.approx(1, abs=0.002)
    assert norm.weight.std().item() == pytest.approx(0.02, rel=0.05)


# --- instance norm ------------------------------------------------------------------------------

FORMATS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


@pytest.fixture(params=FORMATS)
def layout(request: pytest.FixtureRequest) -> torch.memory_format:
    return FORMATS[request.param]


@pytest.fixture(params=[1, 3], ids=["one picture", "several"])
def maps(request: pytest.FixtureRequest, layout: torch.memory_format) -> Tensor:
    """Feature maps as after a convolution: BxCxHxW in double precision, far from zero mean."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(request.param, 4, 5, 6, generator=generator, dtype=torch.float64) * 2 + 3
    return drawn.contiguous(memory_format=layout).requires_grad_()


def test_instance_norm_is_torchs_in_the_memory_format_it_gets(
    maps: Tensor, layout: torch.memory_format
) -> None:
    normal = norm_layer("instance", 4)(maps)
    torch.testing.assert_close(normal, nn.InstanceNorm2d(4)(maps))
    assert normal.is_contiguous(memory_format=layout)


@pytest.mark.slow
def test_the_gradient_of_instance_norm_is_right_twice(maps: Tensor) -> None:
    norm = norm_layer("instance", 4)
    assert torch.autograd.gradcheck(norm, maps)
    assert torch.autograd.gradgradcheck(norm, maps)


@pytest.mark.parametrize("came", FORMATS.values(), ids=FORMATS)
def test_the_gradient_of_instance_norm_may_come_in_any_memory_format(
    maps: Tensor, came: torch.memory_format
) -> None:
    given = torch.randn_like(maps).contiguous(memory_format=came)
    (gradient,) = torch.autograd.grad(norm_layer("instance", 4)(maps), maps, given)
    plain = maps.detach().contiguous().requires_grad_()
    (expected,) = torch.autograd.grad(nn.InstanceNorm2d(4)(plain), plain, given.contiguous())
    torch.testing.assert_close(gradient, expected)


def test_instance_norm_keeps_its_digits_far_from_zero(layout: torch.memory_format) -> None:
    """A channel's mean is a hundred times its deviation here."""
    drawn = torch.randn(2, 8, 64, 64, generator=torch.Generator().manual_seed(0)) + 100
    normal = norm_layer("instance", 8)(drawn.contiguous(memory_format=layout))
    torch.testing.assert_close(normal, F.instance_norm(drawn.double()).float(), rtol=0, atol=1e-3)


def test_instance_norm_trains_in_half_precision(layout: torch.memory_format) -> None:
    drawn = torch.randn(2, 8, 16, 16, generator=torch.Generator().manual_seed(0))
    maps = drawn.bfloat16().contiguous(memory_format=layout).requires_grad_()
    normal = norm_layer("instance", 8)(maps)
    assert normal.dtype == torch.bfloat16
    torch.testing.assert_close(normal.float(), F.instance_norm(maps.float()), rtol=0.01, atol=0.01)
    normal.sum().backward()
    assert maps.grad is not None
    assert maps.grad.float().abs().max() < 0.05, "a shift of all pixels changes nothing"


def test_instance_norm_of_a_single_pixel_is_refused() -> None:
    with pytest.raises(ValueError, match="one pixel"):
        norm_layer("instance", 4)(torch.zeros(2, 4, 1, 1))


@pytest.mark.parametrize("name", ["resnet_6blocks", "unet_128"])
def test_biases_that_an_instance_norm_takes_away_are_frozen(name: str) -> None:
    """The rest is trained: weights, and biases that show in the picture."""
    torch.manual_seed(0)
    generator = build_generator(name, ngf=2)
    freeze_idle_biases(generator)
    size = max(generator.multiple, 16)
    picture = torch.rand(1, 3, size, size) * 2 - 1
    before = generator(picture)
    frozen = [one for one in generator.parameters() if not one.requires_grad]
    assert frozen
    with torch.no_grad():
        for bias in frozen:
            bias += 1
    torch.testing.assert_close(generator(picture), before, rtol=0, atol=1e-4)
    trained = [one for one in generator.parameters() if one.requires_grad]
    for gradient in torch.autograd.grad(generator(picture).square().sum(), trained):
        assert gradient.abs().max() > 1e-4


def test_without_an_instance_norm_every_bias_is_trained() -> None:
    for norm in ("batch", "none"):
        generator = build_generator("unet_128", ngf=2, norm=norm)
        freeze_idle_biases(generator)
        assert all(one.requires_grad for one in generator.parameters())


# --- errors -------------------------------------------------------------------------------------


def test_an_unknown_generator_names_the_known_ones() -> None:
    with pytest.raises(SigcleanError, match=r"unknown generator 'resnet'.*resnet_9blocks"):
        build_generator("resnet")


def test_an_unknown_argument_names_the_known_ones() -> None:
    with pytest.raises(SigcleanError, match=r"resnet_9blocks has no argument 'depth'.*ngf"):
        build_generator("resnet_9blocks", depth=3)


@pytest.mark.parametrize("arguments", [{"ngf": "wide"}, {"ngf": -4}, {"norm": "layer"}])
def test_an_argument_of_no_sense_is_one_sentence(arguments: dict[str, object]) -> None:
    with pytest.raises(SigcleanError) as caught:
        build_generator("unet_128", **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_an_unknown_norm_is_refused(name: str) -> None:
    with pytest.raises(SigcleanError, match="unknown norm 'layer'"):
        build_discriminator(name, norm="layer")


def test_an_unknown_init_is_refused() -> None:
    with pytest.raises(SigcleanError, match="unknown init 'zeros'"):
        init_weights(nn.Conv2d(1, 1, 1), "zeros")


def test_a_global_context_computes_the_same_in_training_and_in_use() -> None:
    torch.manual_seed(0)
    context, places = GlobalContext(12, 4), torch.randn(2, 12, 5, 7)
    trained = context.train()(places)
    torch.testing.assert_close(trained, context.eval()(places))
    trained.square().mean().backward()
    assert context.gather.weight.grad is not None
    assert context.gather.weight.grad.abs().sum() > 0
