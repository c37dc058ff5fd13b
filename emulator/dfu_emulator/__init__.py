"""Software that is an STM32 in its ROM USB bootloader."""
