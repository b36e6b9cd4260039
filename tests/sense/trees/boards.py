"""The captured boards: zone types, rail labels, units and known misbehaviour, each with its sources and what is assumed."""

from tests.sense.trees.parts import Tree, Zone, device_tree, hwmon, iio_ina3221, iio_light, ina3221, zones

_ORIN_TRIPS = (("passive", 99_000), ("critical", 104_500))
_TEGRA234 = (
    "Linux patch 'arm64: tegra: Add thermal support for Tegra234', 2023-01-24: trip points 99.0 C passive, "
    "104.5 C critical (vendor)"
)
_RAILS_234 = (
    "Linux patch 'arm64: tegra: Add power-sensors for Tegra234 boards', 2023-09-21: INA3221 addresses, rail "
    "labels and shunts (vendor)"
)
_ZONE_TYPES = "zone types as listed in docs/sensors.md for JetPack 6 (reported)"
_FAN = hwmon(2, "pwm-fan", {"pwm1": "88"}) | hwmon(3, "pwm_tach", {"fan1_input": "1780"})


def _orin_zones(tj: int, cv: str) -> list[Zone]:
    return [
        Zone("cpu-thermal", str(tj - 150), _ORIN_TRIPS),
        Zone("gpu-thermal", str(tj - 1_400), _ORIN_TRIPS),
        Zone("cv0-thermal", cv),
        Zone("cv1-thermal", cv),
        Zone("cv2-thermal", cv),
        Zone("soc0-thermal", str(tj - 1_900), _ORIN_TRIPS),
        Zone("soc1-thermal", str(tj - 1_100), _ORIN_TRIPS),
        Zone("soc2-thermal", str(tj - 1_600), _ORIN_TRIPS),
        Zone("tj-thermal", str(tj), (("critical", 104_500),)),
    ]


ORIN_NANO_SUPER = Tree(
    "orin-nano-super",
    device_tree(
        "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super", "nvidia,p3768-0000+p3767-0005-super\0nvidia,tegra234"
    )
    | zones(_orin_zones(49_593, ""))
    | ina3221(1, [("VDD_IN", 5_040, 1_232), ("VDD_CPU_GPU_CV", 5_032, 336), ("VDD_SOC", 5_032, 456)])
    | _FAN
    | {"dev/video0": "", "etc/nv_tegra_release": "# R36 (release), REVISION: 4.7"},
    (
        (
            "hokwangchoi/jetson-orin-nano-benchmarks 91f5b77, trt_20260419 tegrastats: Tj 49.2 to 49.6 C and VDD_IN "
            "6.21 W at idle (measured)"
        ),
        _TEGRA234,
        _RAILS_234,
        _ZONE_TYPES,
        "cv0 to cv2 unreadable on a chip without DLA and PVA: prometheus/node_exporter issue 3071 (reported)",
    ),
    (
        "the split of VDD_IN into volt and ampere",
        "the offsets of the single zones from tj",
        "zone and hwmon numbers",
        "fan values",
    ),
)

ORIN_NX = Tree(
    "orin-nx-16gb",
    device_tree(
        "NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
        "nvidia,p3768-0000+p3767-0000\0nvidia,p3767-0000\0nvidia,tegra234",
    )
    | zones(_orin_zones(58_000, "57125"))
    | ina3221(4, [("VDD_IN", 5_112, 900), ("VDD_CPU_GPU_CV", 5_104, 176), ("VDD_SOC", 5_104, 272)])
    | {"sys/class/hwmon/hwmon4/curr1_max": "7784", "sys/class/hwmon/hwmon4/curr1_crit": "7784"}
    | _FAN
    | iio_light(
        0, "veml6030", {"in_illuminance_input": "412.032000", "in_illuminance_raw": "7154", "in_illuminance_scale": "0.125000"}
    )
    | {"dev/video0": ""},
    (
        (
            "ARK-Electronics/ark_jetson_kernel docs/power.md at 2d14d44: 4.6 W on VDD_IN and 58 C at idle, 5.016 to "
            "5.168 V, curr1_max and curr1_crit 7784 mA (measured)"
        ),
        _TEGRA234,
        _RAILS_234,
        _ZONE_TYPES,
        (
            "veml6030: in older drivers scale is a gain, so that raw times scale is not lux: the tree carries both "
            "and only _input is right (kernel sources)"
        ),
    ),
    ("that a veml6030 is attached (it is not part of the board)", "the other rails' currents", "zone and hwmon numbers"),
)

AGX_ORIN = Tree(
    "agx-orin",
    device_tree("NVIDIA Jetson AGX Orin Developer Kit", "nvidia,p3737-0000+p3701-0005\0nvidia,p3701-0005\0nvidia,tegra234")
    | zones([*_orin_zones(46_500, "44750"), Zone("iwlwifi_1", "")])
    | ina3221(4, [("VDD_GPU_SOC", 4_968, 480), ("VDD_CPU_CV", 4_968, 160), ("VIN_SYS_5V0", 4_968, 952)])
    | ina3221(5, [("NC", 0, 0), ("VDDQ_VDD2_1V8AO", 4_968, 80), ("NC", 0, 0)])
    | _FAN,
    (
        _TEGRA234,
        _RAILS_234 + "; VIN_SYS_5V0 is left out of the chip's own sum there",
        _ZONE_TYPES,
        "channel 1-0041 in3 answers EIO on some boards: alumet-dev/alumet issue 212 (reported)",
    ),
    ("every value (only names, trips and units are sourced)", "the Wi-Fi zone of an added card", "zone and hwmon numbers"),
)

XAVIER_NX = Tree(
    "xavier-nx",
    device_tree("NVIDIA Jetson Xavier NX Developer Kit", "nvidia,p3449-0000+p3668-0000\0nvidia,p3668-0000\0nvidia,tegra194")
    | zones(
        [
            Zone("AO-therm", "41000"),
            Zone("CPU-therm", "43500"),
            Zone("GPU-therm", "42000"),
            Zone("AUX-therm", "42500"),
            Zone("PMIC-Die", "100000"),
            Zone("thermal_fan_est", "42600"),
        ]
    )
    | iio_ina3221("7-0040", [("VDD_IN", 5_000, 760), ("VDD_CPU_GPU_CV", 5_000, 120), ("VDD_SOC", 5_000, 200)])
    | {"etc/nv_tegra_release": "# R32 (release), REVISION: 7.1"},
    (
        (
            "INA3221 through IIO on L4T 32 (rail_name_N, in_powerN_input in mW): rbonghi/jetson_stats issue 131 and "
            "jtop/core/power.py (reported)"
        ),
        "PMIC-Die constant 100 C: balena-os/balena-jetson issue 142, reported on a Xavier NX kit",
        "zones cpu, gpu, aux, ao exist in the kernel's tegra194 bindings (vendor); their L4T spelling is assumed",
        "VDD_IN is the module's total: NVIDIA developer forum topic 200883 (vendor)",
    ),
    ("every value", "I2C bus and device numbers", "that no trip points are shown"),
)

JETSON_NANO = Tree(
    "jetson-nano",
    device_tree("NVIDIA Jetson Nano Developer Kit", "nvidia,p3450-0000\0nvidia,p3448-0000\0nvidia,tegra210")
    | zones(
        [
            Zone("AO-therm", "40000", (("critical", 110_000),)),
            Zone("CPU-therm", "33500", (("passive", 97_000),)),
            Zone("GPU-therm", "32500"),
            Zone("PLL-therm", "32000"),
            Zone("PMIC-Die", "100000"),
            Zone("thermal-fan-est", "33000"),
        ]
    )
    | iio_ina3221("6-0040", [("POM_5V_IN", 5_080, 295), ("POM_5V_GPU", 5_080, 0), ("POM_5V_CPU", 5_080, 55)]),
    (
        "zone order and types of a Jetson Nano 2GB kit: MartinMatta/Jetson-Nano-temperature issue 2 (reported)",
        "PMIC-Die constant 100 C: balena-os/balena-jetson issue 142 (reported)",
        "AO-therm critical 110 C: a device-tree dump, second hand; 97 C throttle: unverified",
        "6-0040 and in_power0_input: public scripts for the Nano (reported); POM_5V_IN is the total in jtop/core/power.py",
    ),
    ("every value but PMIC-Die's",),
)

JETSON_THOR = Tree(
    "jetson-thor",
    device_tree("NVIDIA Jetson AGX Thor Developer Kit", "nvidia,p4071-0000+p3834-0008\0nvidia,tegra264")
    | zones(
        [
            Zone("cpu-thermal", "53700", (("critical", 114_500),)),
            Zone("gpu-thermal", "", (("critical", 114_500),)),
            Zone("soc012-thermal", "55100", (("critical", 114_500),)),
            Zone("soc345-thermal", "53700", (("critical", 114_500),)),
            Zone("tj-thermal", "55100", (("critical", 114_500),)),
        ]
    )
    | ina3221(2, [("VDD_GPU", 19_800, 0), ("VDD_CPU_SOC_MSS", 19_800, 329), ("VIN_SYS_5V0", 5_016, 1_300)])
    | hwmon(5, "ina238", {"in1_label": "VIN", "in1_input": "19840", "curr1_input": "1310", "power1_input": "25990400"})
    | hwmon(1, "pwmfan", {"pwm1": "58"})
    | hwmon(4, "pwm_tach", {"fan1_input": "1786"})
    | {
        "sys/class/power_supply/ucsi-source-psy-USBC000:001/type": "USB",
        "sys/class/power_supply/ucsi-source-psy-USBC000:001/voltage_now": "20000000",
        "sys/class/power_supply/ucsi-source-psy-USBC000:001/current_now": "3000000",
    },
    (
        (
            "swsususu/ThorFAN README, AGX Thor kit, L4T R38.4.0: zone types, temperatures, 114.5 C critical, rail "
            "powers, fan, gpu-thermal EAGAIN while gated, hwmon numbers that move (measured)"
        ),
        "INA238 as total, UCSI entries skipped: rbonghi/jetson_stats pull 900 (reported)",
    ),
    (
        "label and value of the INA238",
        "the split of the rails' powers into volt and ampere",
        "zone numbers",
        "part numbers in compatible",
    ),
)

RASPBERRY_PI_5 = Tree(
    "raspberry-pi-5",
    device_tree("Raspberry Pi 5 Model B Rev 1.0", "raspberrypi,5-model-b\0brcm,bcm2712")
    | zones(
        [
            Zone(
                "cpu-thermal",
                "52350",
                (("critical", 110_000), ("active", 50_000), ("active", 60_000), ("active", 67_500), ("active", 75_000)),
            )
        ]
    )
    | hwmon(0, "cpu_thermal", {"temp1_input": "52350", "temp1_crit": "110000"})
    | hwmon(1, "rpi_volt", {"in0_lcrit_alarm": "0"})
    | hwmon(2, "rp1_adc", {"in1_input": "1466", "temp1_input": "54310"})
    | iio_light(
        0,
        "bh1750",
        {"in_illuminance_raw": "348", "in_illuminance_scale": "0.833333", "in_illuminance_integration_time": "0.120000"},
    )
    | {"dev/video0": "", "boot/firmware/config.txt": "dtparam=i2c_arm=on\ndtoverlay=i2c-sensor,bh1750"},
    (
        "zone cpu-thermal, critical 110 C and fan trips 50, 60, 67.5, 75 C: bcm2712 device tree of raspberrypi/linux (vendor)",
        "rp1_adc and rpi_volt as hwmon chips: several public tools for the Pi 5 (reported)",
        "overlay i2c-sensor with bh1750: overlays README of raspberrypi/linux (vendor)",
    ),
    ("every value", "that a bh1750 is attached (it is not part of the board)"),
)

GENERIC_X86 = Tree(
    "generic-x86",
    zones(
        [
            Zone("acpitz", "27800", (("critical", 119_000),)),
            Zone("x86_pkg_temp", "44000", (("passive", 0), ("passive", 0))),
            Zone("iwlwifi_1", ""),
        ]
    )
    | hwmon(0, "nvme", {"temp1_label": "Composite", "temp1_input": "38850"})
    | hwmon(
        1, "coretemp", {"temp1_label": "Package id 0", "temp1_input": "44000", "temp2_label": "Core 0", "temp2_input": "43000"}
    )
    | {
        "sys/class/powercap/intel-rapl:0/name": "package-0",
        "sys/class/powercap/intel-rapl:0/energy_uj": "26214112345",
        "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850",
        "sys/class/powercap/intel-rapl:0:0/name": "core",
        "sys/class/powercap/intel-rapl:0:0/energy_uj": "9214112345",
        "sys/class/power_supply/BAT0/type": "Battery",
        "sys/class/power_supply/BAT0/status": "Full",
        "sys/class/power_supply/BAT0/voltage_now": "12400000",
        "sys/class/power_supply/BAT0/current_now": "0",
    },
    (
        "kernel documentation of thermal, hwmon, powercap and power_supply (vendor): names and units",
        "constant acpitz and unreadable iwlwifi zones: usual on laptops (reported)",
    ),
    ("every value", "the machine itself: a laptop that nobody owns"),
)

TREES = (ORIN_NANO_SUPER, ORIN_NX, AGX_ORIN, XAVIER_NX, JETSON_NANO, JETSON_THOR, RASPBERRY_PI_5, GENERIC_X86)
