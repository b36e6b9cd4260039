"""Thirty machines that nobody here has made: their sensor files in a few lines each, and what must be read from them.

Written from the names that each vendor's kernel gives its zones, chips and supplies. ``hot_mc`` is the one right temperature
(None: there is none), ``power_mw`` the one right power (None: no meter that can be read).
"""

from dataclasses import dataclass, field

from tests.sense.trees.parts import Files, Zone, device_tree, hwmon, iio_ina3221, ina3221, zones

DENIED_MODE = "#no-permission"  # written in place of a value: the file is there and nobody may read it


@dataclass(frozen=True)
class Machine:
    """One machine. ``profile`` is the one that adaptd picks for it."""

    name: str
    files: Files
    profile: str
    hot_mc: int | None
    hot_from: str = ""
    power_mw: int | None = None
    power_from: str = ""
    trips_mc: tuple[int, ...] = field(default_factory=tuple)


def supply(name: str, **values: str) -> Files:
    """One power supply; a battery unless ``type`` says otherwise."""
    return {f"sys/class/power_supply/{name}/{key}": value for key, value in {"type": "Battery", **values}.items()}


def kinds(*listed: tuple[str, int]) -> Files:
    """Zones by type and millidegrees."""
    return zones([Zone(kind, str(value)) for kind, value in listed])


def coretemp(number: int, *inputs: tuple[str, int]) -> Files:
    """A coretemp chip with labelled inputs."""
    values: dict[str, str] = {}
    for at, (label, value) in enumerate(inputs, start=1):
        values |= {f"temp{at}_label": label, f"temp{at}_input": str(value)}
    return hwmon(number, "coretemp", values)


RK3588 = device_tree("Orange Pi 5 Plus", "xunlong,orangepi-5-plus\0rockchip,rk3588")
SECRET_RAPL = {"sys/class/powercap/intel-rapl:0/name": "package-0", "sys/class/powercap/intel-rapl:0/energy_uj": DENIED_MODE}

MACHINES = (
    Machine(
        "rk3588-mainline",
        RK3588
        | kinds(
            ("package-thermal", 97_000),
            ("bigcore0-thermal", 101_000),
            ("bigcore2-thermal", 99_000),
            ("littlecore-thermal", 88_000),
            ("gpu-thermal", 80_000),
        ),
        "rk3588",
        101_000,
        "thermal:bigcore0-thermal",
    ),
    Machine(
        "rk3588-vendor-kernel",
        RK3588 | kinds(("soc-thermal", 60_000), ("bigcore1-thermal", 74_000), ("npu-thermal", 58_000)),
        "rk3588",
        74_000,
        "thermal:bigcore1-thermal",
    ),
    Machine(
        "qualcomm-rb3",
        device_tree("Thundercomm RB3 Gen2", "qcom,qcs6490-rb3gen2\0qcom,qcm6490")
        | zones(
            [Zone(f"cpu{at}-thermal", str(50_000 + 1000 * at), (("critical", 110_000),)) for at in range(8)]
            + [
                Zone("gpuss0-thermal", "71000"),
                Zone("battery", "31000"),
                Zone("pm7250b-thermal", "99000"),
                Zone("xo-therm", "98000"),
            ]
        ),
        "generic-arm",
        71_000,
        "thermal:gpuss0-thermal",
        trips_mc=(110_000,),
    ),
    Machine(
        "qualcomm-vendor-kernel",
        device_tree("Qualcomm QRB5165", "qcom,qrb5165")
        | kinds(
            ("soc", 100),
            ("vbat", 3_900_000),
            ("ibat-lvl0", 5),
            ("cpu-0-0-usr", 61_000),
            ("cpu-1-7-usr", 66_000),
            ("modem-skin-usr", 90_000),
        ),
        "generic-arm",
        66_000,
        "thermal:cpu-1-7-usr",
    ),
    Machine(
        "qualcomm-forty-zones",
        device_tree("Qualcomm RB5", "qcom,sm8250")
        | kinds(*[(f"cpu-{at // 8}-{at % 8}-top", 40_000 + 100 * at) for at in range(40)], ("nspss-2", 83_500)),
        "generic-arm",
        83_500,
        "thermal:hottest of 31 more",
    ),
    Machine(
        "ti-am62",
        device_tree("Texas Instruments AM625 SK", "ti,am625-sk\0ti,am625")
        | kinds(("main0-thermal", 58_100), ("main1-thermal", 62_400)),
        "generic-arm",
        62_400,
        "thermal:main1-thermal",
    ),
    Machine(
        "ti-am57",
        device_tree("BeagleBone AI", "beagleboard.org,beaglebone-ai\0ti,am5729")
        | kinds(("cpu_thermal", 70_000), ("gpu_thermal", 71_200), ("dspeve_thermal", 75_600), ("iva_thermal", 69_000)),
        "generic-arm",
        75_600,
        "thermal:dspeve_thermal",
    ),
    Machine(
        "jetson-tx2",
        device_tree("quill", "nvidia,p2771-0000\0nvidia,quill\0nvidia,tegra186")
        | kinds(
            ("BCPU-therm", 48_500),
            ("MCPU-therm", 49_000),
            ("GPU-therm", 46_500),
            ("Tboard_tegra", 90_000),
            ("PMIC-Die", 100_000),
            ("thermal-fan-est", 95_000),
        )
        | iio_ina3221("0-0041", [("VDD_IN", 19_000, 200), ("VDD_SYS_CPU", 19_000, 40)]),
        "jetson-tx2",
        49_000,
        "thermal:MCPU-therm",
        3_800,
        "hwmon:VDD_IN",
    ),
    Machine(
        "agx-xavier",
        device_tree("Jetson-AGX", "nvidia,p2972-0000\0nvidia,tegra194")
        | kinds(("CPU-therm", 41_000), ("GPU-therm", 40_000), ("AUX-therm", 40_500), ("PMIC-Die", 100_000))
        | ina3221(1, [("GPU", 19_000, 50), ("CPU", 19_000, 60), ("SOC", 19_000, 90)])
        | ina3221(2, [("CV", 19_000, 10), ("VDDRQ", 19_000, 30), ("SYS5V", 5_000, 400)]),
        "agx-xavier",
        41_000,
        "thermal:CPU-therm",
        950 + 1_140 + 1_710 + 190 + 570 + 2_000,
        "hwmon:GPU+CPU+SOC+CV+VDDRQ+SYS5V",
    ),
    Machine(
        "raspberry-pi-3",
        device_tree("Raspberry Pi 3 Model B Plus", "raspberrypi,3-model-b-plus\0brcm,bcm2837")
        | kinds(("bcm2835_thermal", 55_844)),
        "generic-arm",
        55_844,
        "thermal:bcm2835_thermal",
    ),
    Machine(
        "raspberry-pi-4",
        device_tree("Raspberry Pi 4 Model B Rev 1.4", "raspberrypi,4-model-b\0brcm,bcm2711") | kinds(("cpu-thermal", 61_835)),
        "raspberry-pi-4",
        61_835,
        "thermal:cpu-thermal",
    ),
    Machine(
        "imx6",
        device_tree("Freescale i.MX6 Quad", "fsl,imx6q-sabresd\0fsl,imx6q") | kinds(("imx_thermal_zone", 47_000)),
        "generic-arm",
        47_000,
        "thermal:imx_thermal_zone",
    ),
    Machine(
        "imx8mp",
        device_tree("NXP i.MX8MPlus EVK", "fsl,imx8mp-evk\0fsl,imx8mp")
        | kinds(("cpu-thermal", 52_000), ("soc-thermal", 55_000), ("pmic-thermal0", 70_000)),
        "generic-arm",
        55_000,
        "thermal:soc-thermal",
    ),
    Machine(
        "two-packages-as-zones",
        kinds(("x86_pkg_temp", 55_000), ("x86_pkg_temp", 91_000)),
        "generic-x86",
        91_000,
        "thermal:x86_pkg_temp#2",
    ),
    Machine(
        "two-packages-as-chips",
        coretemp(0, ("Package id 0", 55_000), ("Core 0", 54_000)) | coretemp(1, ("Package id 1", 91_000), ("Core 0", 90_000)),
        "generic-x86",
        91_000,
        "hwmon:coretemp#2",
    ),
    Machine("old-coretemp", coretemp(2, ("Physical id 0", 63_000), ("Core 0", 61_000)), "generic-x86", 63_000, "hwmon:coretemp"),
    Machine(
        "coretemp-cores-only",
        coretemp(2, ("Core 0", 48_000), ("Core 1", 57_000), ("Core 2", 52_000)),
        "generic-x86",
        57_000,
        "hwmon:coretemp",
    ),
    Machine("k10temp-unlabelled", hwmon(0, "k10temp", {"temp1_input": "68250"}), "generic-x86", 68_250, "hwmon:k10temp"),
    Machine(
        "k10temp-threadripper",
        hwmon(
            0,
            "k10temp",
            {
                "temp1_label": "Tctl",
                "temp1_input": "95000",
                "temp2_label": "Tdie",
                "temp2_input": "68000",
                "temp3_label": "Tccd1",
                "temp3_input": "70000",
            },
        ),
        "generic-x86",
        95_000,
        "hwmon:k10temp",
    ),
    Machine(
        "nuc-with-wifi-and-disk",
        kinds(("acpitz", 27_800), ("pch_cannonlake", 51_000), ("iwlwifi_1", 99_000), ("x86_pkg_temp", 49_000))
        | hwmon(1, "nvme", {"temp1_input": "88850"}),
        "generic-x86",
        49_000,
        "thermal:x86_pkg_temp",
    ),
    Machine(
        "unknown-zone-names",
        kinds(("iwlwifi_1", 99_000), ("TCPU", 64_000), ("BAT0", 90_000), ("GEN1", 41_000)),
        "generic-x86",
        64_000,
        "thermal:TCPU",
    ),
    Machine("only-acpi", kinds(("acpitz", 27_800)), "generic-x86", None),
    Machine(
        "named-zone-cannot-be-read",
        zones([Zone("soc_thermal", "72000"), Zone("x86_pkg_temp", "")]),
        "generic-x86",
        72_000,
        "thermal:soc_thermal",
    ),
    Machine("no-sysfs", {"etc/hostname": "container"}, "generic-x86", None),
    Machine(
        "laptop-on-battery-rapl-closed",
        kinds(("x86_pkg_temp", 58_000))
        | SECRET_RAPL
        | supply("BAT0", status="Discharging", power_now="0", voltage_now="11800000", current_now="1100000")
        | supply("AC", type="Mains", online="0"),
        "generic-x86",
        58_000,
        "thermal:x86_pkg_temp",
        12_980,
        "battery:BAT0",
    ),
    Machine(
        "laptop-negative-power",
        kinds(("x86_pkg_temp", 50_000))
        | supply("BAT1", status="Discharging", power_now="-9100000", voltage_now="13000000", current_now="-700000"),
        "generic-x86",
        50_000,
        "thermal:x86_pkg_temp",
        9_100,
        "battery:BAT1",
    ),
    Machine(
        "laptop-two-batteries-and-a-mouse",
        kinds(("x86_pkg_temp", 50_000))
        | supply("BAT0", status="Not charging", power_now="0")
        | supply("BAT1", status="Discharging", power_now="8400000")
        | supply("hidpp_battery_0", scope="Device", status="Discharging", power_now="50000"),
        "generic-x86",
        50_000,
        "thermal:x86_pkg_temp",
        8_400,
        "battery:BAT0+BAT1",
    ),
    Machine(
        "desktop-with-a-mouse-only",
        hwmon(0, "k10temp", {"temp1_label": "Tctl", "temp1_input": "44000"})
        | supply("hidpp_battery_0", scope="Device", status="Discharging", power_now="50000"),
        "generic-x86",
        44_000,
        "hwmon:k10temp",
    ),
    Machine(
        "jetson-orin-nano",
        device_tree("NVIDIA Jetson Orin Nano Developer Kit", "nvidia,p3768-0000+p3767-0005\0nvidia,tegra234")
        | kinds(("cpu-thermal", 52_000), ("tj-thermal", 53_500), ("gpu-thermal", 53_000))
        | ina3221(1, [("VDD_IN", 5_040, 1_300)]),
        "orin-nano-super",
        53_500,
        "thermal:tj-thermal",
        6_552,
        "hwmon:VDD_IN",
    ),
    Machine(
        "allwinner-h6",
        device_tree("Pine H64", "pine64,pine-h64\0allwinner,sun50i-h6")
        | zones([Zone("cpu-thermal", "66000", (("passive", 75_000),)), Zone("gpu-thermal", "71000", (("critical", 105_000),))]),
        "generic-arm",
        71_000,
        "thermal:gpu-thermal",
        trips_mc=(75_000, 105_000),
    ),
    Machine(
        "zones-masked-chips-left",
        hwmon(0, "cpu_thermal", {"temp1_input": "59000"}) | hwmon(1, "rpi_volt", {"in0_lcrit_alarm": "0"}),
        "generic-x86",
        59_000,
        "hwmon:cpu_thermal",
    ),
)
