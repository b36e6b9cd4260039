"""A tree of text files with NVIDIA's power modes: three that differ in clocks alone, and one that turns cores off."""

from pathlib import Path

CONF = """# FORMAT: PARAM definitions, POWER_MODEL definitions, PM_CONFIG
< PARAM TYPE=FILE NAME=CPU_ONLINE >
CORE_0 /sys/devices/system/cpu/cpu0/online
CORE_7 /sys/devices/system/cpu/cpu7/online

< PARAM TYPE=CLOCK NAME=CPU_A78_0 >
FREQ_TABLE /sys/devices/system/cpu/cpu0/cpufreq/scaling_available_frequencies
MAX_FREQ /sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq
MAX_FREQ_KNEXT /sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq

< PARAM TYPE=CLOCK NAME=EMC >
MAX_FREQ /sys/kernel/nvpmodel_clk_cap/emc

< POWER_MODEL ID=0 NAME=MAXN >
CPU_ONLINE CORE_0 1
CPU_ONLINE CORE_7 1
CPU_A78_0 MAX_FREQ -1
EMC MAX_FREQ 0

< POWER_MODEL ID=2 NAME=15W >
CPU_ONLINE CORE_0 1
CPU_ONLINE CORE_7 0
CPU_A78_0 MAX_FREQ 1420800
EMC MAX_FREQ 2133000000

< POWER_MODEL ID=3 NAME=25W >
CPU_ONLINE CORE_0 1
CPU_ONLINE CORE_7 1
CPU_A78_0 MAX_FREQ 1497600
EMC MAX_FREQ 3199000000

< POWER_MODEL ID=4 NAME=40W >
CPU_ONLINE CORE_0 1
CPU_ONLINE CORE_7 1
CPU_A78_0 MAX_FREQ 1984000
EMC MAX_FREQ 3199000000

# mandatory: the mode at boot
< PM_CONFIG DEFAULT=4 >
< FAN_CONFIG DEFAULT=quiet >
"""
CPU, EMC = "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "sys/kernel/nvpmodel_clk_cap/emc"


def board(root: Path, number: int = 4, cpu_khz: int = 1984000, emc_hz: int = 3199000000, conf: str = CONF) -> Path:
    """The tree below ``root`` in a mode, with caps as the kernel has them."""
    files = {
        "etc/nvpmodel.conf": conf,
        "var/lib/nvpmodel/status": f"pmode:{number:04d} fmode:quiet\n",
        "sys/devices/system/cpu/cpu0/online": "1\n",
        "sys/devices/system/cpu/cpu7/online": "1\n",
        CPU: f"{cpu_khz}\n",
        EMC: f"{emc_hz}\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root
