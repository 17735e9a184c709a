"""Decoders that segmentation-models-pytorch does not have: the one of the MCE paper's authors, and that of a
fully convolutional network. Both read the features of one of its encoders."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ASPP_RATES = (12, 24, 36)
_ASPP_CHANNELS, _LOW_CHANNELS = 256, 48
#: Index of the features at stride 4 among those of an encoder, which begin with the input.
_STRIDE_4 = 2


class AuthorsDecoder(nn.Module):
    """DeepLabV3+ with plain convolutions (docs/science/methods.md section 1): ASPP of the last features,
    brought to stride 4 and joined behind the low-level ones. Tensor names are those of the published
    weights."""

    def __init__(self, encoder_channels: Sequence[int]):
        super().__init__()
        self.project = _convolution(encoder_channels[_STRIDE_4], _LOW_CHANNELS, 1)
        self.aspp = _Aspp(encoder_channels[-1])
        self.out_channels = _LOW_CHANNELS + _ASPP_CHANNELS

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map the features of an encoder to `[B, 304, H / 4, W / 4]`."""
        low = self.project(features[_STRIDE_4])
        high = self.aspp(features[-1])
        size = (int(low.shape[-2]), int(low.shape[-1]))
        high = F.interpolate(high, size=size, mode="bilinear", align_corners=False)
        return torch.cat([low, high], dim=1)


class _Aspp(nn.Module):
    """Five views of the features: one pixel, three dilated, the whole image."""

    def __init__(self, in_channels: int):
        super().__init__()
        dilated = [_convolution(in_channels, _ASPP_CHANNELS, 3, rate) for rate in ASPP_RATES]
        pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_convolution(in_channels, _ASPP_CHANNELS, 1))
        self.convs = nn.ModuleList([_convolution(in_channels, _ASPP_CHANNELS, 1), *dilated, pooled])
        joined = _convolution(len(self.convs) * _ASPP_CHANNELS, _ASPP_CHANNELS, 1)
        self.project = nn.Sequential(*joined, nn.Dropout(0.1))

    def forward(self, x: Tensor) -> Tensor:
        views = [conv(x) for conv in self.convs]
        views[-1] = views[-1].expand_as(views[0])  # one pixel, which any interpolation spreads like this
        joined: Tensor = self.project(torch.cat(views, dim=1))
        return joined


class FcnDecoder(nn.Module):
    """Hands the last features of a dilated encoder to the heads, with dropout: a fully convolutional net."""

    def __init__(self, encoder_channels: Sequence[int]):
        super().__init__()
        self.dropout = nn.Dropout(0.1)
        self.out_channels = encoder_channels[-1]

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map the features of an encoder to `[B, F, H / 8, W / 8]`."""
        dropped: Tensor = self.dropout(features[-1])
        return dropped


def dilate_last_stages(encoder: nn.Module) -> None:
    """Bring a ResNet to output stride 8 as torchvision does: a stage's first block keeps the dilation of the
    stage before, the others take the new one.

    Raises:
        ValueError: if the encoder has no stages called layer3 and layer4, or other blocks than a ResNet's.
    """
    before = 1
    for name, dilation in (("layer3", 2), ("layer4", 4)):
        stage = getattr(encoder, name, None)
        if not isinstance(stage, nn.Sequential):
            raise ValueError("it has no stages layer3 and layer4")
        for index, block in enumerate(stage):
            for module in block.modules():
                if isinstance(module, nn.Conv2d):
                    module.stride = (1, 1)
                    if module.kernel_size == (3, 3):
                        module.dilation = module.padding = (dilation if index else before,) * 2
        before = dilation


def _convolution(in_channels: int, out_channels: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel,
            padding=dilation if kernel == 3 else 0,
            dilation=dilation,
            bias=False,
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
