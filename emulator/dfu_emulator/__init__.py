"""Software that is an STM32 in its ROM USB bootloader."""

__version__ = "0.1.0"
