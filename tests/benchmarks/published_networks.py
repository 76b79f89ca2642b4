"""The networks whose latencies others published, by the names of the rows.

The rows give a name, an input, multiply-accumulates and parameters. What is built here must come to the same counts:
`python -m tests.benchmarks.devices` leaves a network out that does not. ncnn's benchmark has Caffe's variants of some.
"""

from __future__ import annotations

from collections.abc import Callable

from edgekit.devices.layers import Layer
from tests.benchmarks.published_classifiers import (
    V3_NCNN,
    V3_SMALL,
    alexnet,
    autoencoder,
    convnext_tiny,
    densenet121,
    ds_cnn,
    efficientnet,
    efficientnetv2_b0,
    googlenet,
    mnasnet,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    proxylessnasnet,
    regnet,
    resnet,
    resnet18,
    shufflenet,
    shufflenet_v2,
    small_resnet,
    squeezenet,
    vgg,
)
from tests.benchmarks.published_detectors import (
    blazeface,
    fastestdet,
    mobilenet_ssd,
    mobilenet_yolo,
    nanodet_m,
    squeezenet_ssd,
    yolo_fastest,
    yolo_fastestv2,
    yolov4_tiny,
)

NETWORKS: dict[tuple[str, str], Callable[[], list[Layer]]] = {
    ("squeezenet", "227x227x3"): squeezenet,
    ("SqueezeNet", "224x224x3"): lambda: squeezenet(224),
    ("squeezenet1_1", "224x224x3"): lambda: squeezenet(224, caffe=False),
    ("squeezenet_ssd", "300x300x3"): squeezenet_ssd,
    ("mobilenet", "224x224x3"): mobilenet,
    ("MobileNet v1", "224x224x3"): mobilenet,
    ("mobilenet_ssd", "300x300x3"): mobilenet_ssd,
    ("mobilenet_yolo", "416x416x3"): mobilenet_yolo,
    ("mobilenet_v2", "224x224x3"): lambda: mobilenet_v2(expand_first=True),
    ("MobileNet v2", "224x224x3"): mobilenet_v2,
    ("mobilenetv2_yolov3", "352x352x3"): lambda: mobilenet_v2(h=352, detector=True),
    ("mobilenet_v3", "224x224x3"): lambda: mobilenet_v3(V3_NCNN, reduced=lambda width: width // 4),
    ("mobilenet_v3_large", "224x224x3"): mobilenet_v3,
    ("mobilenet_v3_small", "224x224x3"): lambda: mobilenet_v3(V3_SMALL, last=1024),
    ("mnasnet", "224x224x3"): mnasnet,
    ("mnasnet05", "224x224x3"): lambda: mnasnet(0.5),
    ("proxylessnasnet", "224x224x3"): proxylessnasnet,
    ("efficientnet_b0", "224x224x3"): efficientnet,
    ("efficientnet_b4", "380x380x3"): lambda: efficientnet(1.4, 1.8, 380),
    ("efficientnetv2_b0", "224x224x3"): efficientnetv2_b0,
    ("regnety_400m", "224x224x3"): lambda: regnet([48, 104, 208, 440], [1, 3, 6, 6], 8, excite=True),
    ("regnet", "224x224x3"): lambda: regnet([96, 192, 432, 1008], [2, 6, 15, 2], 48, excite=False),
    ("blazeface", "128x128x3"): blazeface,
    ("googlenet", "224x224x3"): googlenet,
    ("Inception v1", "224x224x3"): googlenet,
    ("resnet18", "224x224x3"): resnet18,
    ("resnet50", "224x224x3"): resnet,
    ("ResNet50", "224x224x3"): resnet,
    ("MobileNetV2-1.0", "224x224x3"): mobilenet_v2,
    ("MobileNetV3-small", "224x224x3"): lambda: mobilenet_v3(V3_SMALL, last=1024),
    ("resnet101", "224x224x3"): lambda: resnet((3, 4, 23, 3)),
    ("wideresnet50", "224x224x3"): lambda: resnet(wide=2),
    ("ResNet-50 V1", "299x299x3"): lambda: resnet(h=299, stride_in_3x3=False),
    ("ResNet-50 V2", "299x299x3"): lambda: resnet(h=299),
    ("ResNet-152 V2", "299x299x3"): lambda: resnet((3, 8, 36, 3), h=299),
    ("vgg16", "224x224x3"): vgg,
    ("VGG16", "224x224x3"): vgg,
    ("VGG19", "224x224x3"): lambda: vgg((2, 2, 4, 4, 4)),
    ("alexnet", "227x227x3"): alexnet,
    ("densenet121", "224x224x3"): densenet121,
    ("convnext_tiny", "224x224x3"): convnext_tiny,
    ("shufflenet", "224x224x3"): shufflenet,
    ("shufflenet_v2", "224x224x3"): shufflenet_v2,
    ("nanodet_m", "320x320x3"): nanodet_m,
    ("yolo-fastest-1.1", "320x320x3"): yolo_fastest,
    ("yolo-fastestv2", "352x352x3"): yolo_fastestv2,
    ("FastestDet", "352x352x3"): fastestdet,
    ("yolov4-tiny", "416x416x3"): yolov4_tiny,
    ("ResNet-8", "32x32x3"): small_resnet,
    ("ResNet-8 v1", "32x32x3"): small_resnet,
    ("ResNet-32 v1", "32x32x3"): lambda: small_resnet(5),
    ("DS-CNN", "49x10x1"): ds_cnn,
    ("FC-AutoEncoder", ""): autoencoder,
    ("FC-AutoEncoder", "640"): autoencoder,
    ("MobileNetV1-0.25", "96x96x3"): lambda: mobilenet(0.25, 96, 2),
}
NCNN_ONLY = {  # the same name stands for another variant in ncnn's benchmark, which is Caffe's
    ("resnet18", "224x224x3"): lambda: resnet18(project_first=True),
    ("resnet50", "224x224x3"): lambda: resnet(stride_in_3x3=False),
}
OTHER_THAN_NCNN = {
    ("mobilenet_v2", "224x224x3"): mobilenet_v2,
    ("googlenet", "224x224x3"): lambda: googlenet(caffe=False),
    ("shufflenet_v2", "224x224x3"): lambda: shufflenet_v2((48, 96, 192)),
}


def network(model: str, at: str, runtime: str) -> list[Layer] | None:
    """The layers of a published row's network; None where it is not known.

    Args:
        at: its input, "224x224x3".
        runtime: as the row has it.
    """
    variants = NCNN_ONLY if runtime.startswith("ncnn") else OTHER_THAN_NCNN
    made = variants.get((model, at)) or NETWORKS.get((model, at))
    return made() if made else _of_the_zoo(model, at)


def _of_the_zoo(model: str, at: str) -> list[Layer] | None:
    """ST's model zoo: "MobileNetV2-0.35 (5 classes)"."""
    name, _, classes = model.partition(" (")
    family, _, alpha = name.partition("-")
    if family not in ("MobileNetV1", "MobileNetV2") or not classes:
        return None
    h, _, channels = (int(part) for part in at.split("x"))
    count = int(classes.split()[0])
    if family == "MobileNetV1":
        return mobilenet(float(alpha), h, count, channels)
    return mobilenet_v2(float(alpha), h, count)
