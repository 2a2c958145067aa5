"""The batch augmentation: identity, flip, exact crops, the papers' distribution, a generator each."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.data.augment import augment, crop_and_flip, random_boxes, random_flips, seeded, unseeded

WHOLE = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
seeds = st.integers(0, 2**32 - 1)
sizes = st.tuples(st.integers(1, 3), st.integers(2, 12), st.integers(2, 12))


def images(seed: int, size: tuple[int, int, int]) -> torch.Tensor:
    count, height, width = size
    return 255 * torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


@given(seed=seeds, size=sizes)
def test_the_whole_box_is_the_image_and_a_flip_is_a_flip(seed: int, size: tuple[int, int, int]) -> None:
    given_images = images(seed, size)
    boxes = WHOLE.expand(len(given_images), 4)
    still, flipped = (torch.full((len(given_images),), value) for value in (False, True))
    torch.testing.assert_close(crop_and_flip(given_images, boxes, still), given_images, rtol=0, atol=1e-2)
    torch.testing.assert_close(crop_and_flip(given_images, boxes, flipped), given_images.flip(-1), rtol=0, atol=1e-2)


def test_a_crop_is_the_enlarged_cut() -> None:
    """A quarter, cut and enlarged by torch's own bilinear interpolation, is the same inside its border."""
    image = images(0, (1, 16, 16))
    box = torch.tensor([[0.5, 0.25, 0.5, 0.5]])
    found = crop_and_flip(image, box, torch.tensor([False]))
    oracle = torch.nn.functional.interpolate(image[:, :, 8:, 4:12], size=(16, 16), mode="bilinear")
    torch.testing.assert_close(found[..., 1:-1, 1:-1], oracle[..., 1:-1, 1:-1], rtol=0, atol=1e-2)


@given(seed=seeds, height=st.integers(4, 300), width=st.integers(4, 300))
def test_boxes_lie_inside(seed: int, height: int, width: int) -> None:
    torch.manual_seed(seed)
    top, left, h, w = random_boxes(unseeded(50), height, width).unbind(1)
    assert ((top >= 0) & (left >= 0) & (h > 0) & (w > 0)).all()
    assert ((top + h <= 1 + 1e-5) & (left + w <= 1 + 1e-5)).all()


def test_boxes_have_the_papers_scale_and_ratio() -> None:
    torch.manual_seed(0)
    _, _, h, w = random_boxes(unseeded(20_000), 224, 224).unbind(1)
    area, ratio = h * w, w / h
    assert area.min() >= 0.08 - 1e-4
    assert area.max() <= 1
    assert area.median() > 0.45
    assert ratio.min() >= 3 / 4 - 1e-4
    assert ratio.max() <= 4 / 3 + 1e-4
    assert abs(ratio.log().mean()) < 0.01
    assert math.isclose(random_flips(unseeded(20_000)).float().mean(), 0.5, abs_tol=0.02)


def test_each_image_has_its_own_box_under_the_global_generator() -> None:
    batch = images(0, (1, 8, 8)).expand(4, 3, 8, 8)
    torch.manual_seed(5)
    first = augment(batch, unseeded(4))
    torch.manual_seed(5)
    assert torch.equal(augment(batch, unseeded(4)), first)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(augment(batch, unseeded(4)), first)


@given(seed=seeds, size=sizes)
def test_an_image_becomes_the_same_in_any_batch(seed: int, size: tuple[int, int, int]) -> None:
    """Bit for bit, by its own numbers, and the global generator stays."""
    given_images, before = images(seed, size), torch.get_rng_state()
    whole = augment(given_images, [seeded(seed, place) for place in range(len(given_images))])
    for place, image in enumerate(given_images):
        assert torch.equal(augment(image[None], [seeded(seed, place)])[0], whole[place])
    assert torch.equal(torch.get_rng_state(), before)


def test_the_smallest_crop_bounds_every_box_and_one_keeps_the_image() -> None:
    torch.manual_seed(0)
    boxes = random_boxes(unseeded(500), 48, 48, smallest=0.5)
    areas = boxes[:, 2] * boxes[:, 3]
    assert areas.min() > 0.499
    whole = random_boxes(unseeded(500), 48, 48, smallest=1.0)
    assert torch.equal(whole, torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(500, 4))
