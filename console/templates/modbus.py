"""Modbus: what was asked for, why a device refuses, and what came instead of a response."""

from __future__ import annotations

from typing import Final

from console.text import Template

# Runs of registers and bits.
HOLDING_REGISTER: Final = Template("modbus.holding_register", "holding register {first}")
HOLDING_REGISTERS: Final = Template(
    "modbus.holding_registers", "holding registers {first} to {last}"
)
INPUT_REGISTER: Final = Template("modbus.input_register", "input register {first}")
INPUT_REGISTERS: Final = Template("modbus.input_registers", "input registers {first} to {last}")
COIL: Final = Template("modbus.coil", "coil {first}")
COILS: Final = Template("modbus.coils", "coils {first} to {last}")
DISCRETE_INPUT: Final = Template("modbus.discrete_input", "discrete input {first}")
DISCRETE_INPUTS: Final = Template("modbus.discrete_inputs", "discrete inputs {first} to {last}")

# Silence.
NO_READ_RESPONSE: Final = Template(
    "modbus.no_read_response", "no response to the read of {registers} within {limit}"
)
NO_WRITE_RESPONSE: Final = Template(
    "modbus.no_write_response", "no response to the write of {registers} within {limit}"
)
LATE_RESPONSES: Final = Template(
    "modbus.late_responses", "the device answers later than the timeout of {limit}"
)
RAISE_TIMEOUT: Final = Template(
    "modbus.raise_timeout", "raise timeout_s in the device's URL or in its profile"
)
CHECK_UNIT: Final = Template(
    "modbus.check_unit", "check the unit id, the wiring and that the device has power"
)
CHECK_SERIAL: Final = Template(
    "modbus.check_serial",
    "check the unit id, baud, parity and stop, the wiring and that the device has power",
)
READ_BACK: Final = Template(
    "modbus.read_back", "read the setting before you write again: it may have been written"
)

# Refusals (Modbus Application Protocol V1.1b3, section 7).
READ_REFUSED: Final = Template("modbus.read_refused", "the device refused to read {registers}")
WRITE_REFUSED: Final = Template("modbus.write_refused", "the device refused to write {registers}")
READ_FAILED: Final = Template("modbus.read_failed", "reading {registers} failed")
WRITE_FAILED: Final = Template("modbus.write_failed", "writing {registers} failed")
ILLEGAL_FUNCTION: Final = Template("modbus.illegal_function", "illegal function (exception code 1)")
ILLEGAL_ADDRESS: Final = Template(
    "modbus.illegal_address", "illegal data address (exception code 2)"
)
ILLEGAL_VALUE: Final = Template("modbus.illegal_value", "illegal data value (exception code 3)")
DEVICE_FAILURE: Final = Template("modbus.device_failure", "device failure (exception code 4)")
ACKNOWLEDGE: Final = Template("modbus.acknowledge", "acknowledge (exception code 5)")
DEVICE_BUSY: Final = Template("modbus.device_busy", "device busy (exception code 6)")
NEGATIVE_ACKNOWLEDGE: Final = Template(
    "modbus.negative_acknowledge", "negative acknowledge (exception code 7)"
)
PARITY_ERROR: Final = Template("modbus.parity_error", "memory parity error (exception code 8)")
NO_GATEWAY_PATH: Final = Template(
    "modbus.no_gateway_path", "gateway path unavailable (exception code 10)"
)
NO_TARGET_RESPONSE: Final = Template(
    "modbus.no_target_response", "gateway target device failed to respond (exception code 11)"
)
UNKNOWN_EXCEPTION: Final = Template(
    "modbus.unknown_exception", "exception code {code}, which Modbus does not define"
)
CHECK_MODEL: Final = Template("modbus.check_model", "check that the profile is for this model")
CHECK_FIRMWARE: Final = Template(
    "modbus.check_firmware", "check that the profile is for this model and firmware version"
)
CHECK_FAULT: Final = Template(
    "modbus.check_fault", "check the device itself, which reports a fault"
)
READ_LESS: Final = Template(
    "modbus.read_less", "read the device less often: it needs more time to answer"
)
FIND_OTHERS: Final = Template(
    "modbus.find_others", "read the device less often, or find out what else reads it"
)
CHECK_GATEWAY: Final = Template(
    "modbus.check_gateway", "check the unit id and the serial settings of the Modbus gateway"
)
CHECK_BEHIND_GATEWAY: Final = Template(
    "modbus.check_behind_gateway",
    "check the unit id, the wiring behind the Modbus gateway and that the device has power",
)
SEE_MANUAL: Final = Template("modbus.see_manual", "look the code up in the device's manual")

# What was expected, and what came instead.
CHECK_LINE: Final = Template(
    "modbus.check_line",
    "check baud, parity and stop, the termination of the line, and that no two devices have the "
    "same unit id",
)
CHECK_FRAMING: Final = Template(
    "modbus.check_framing",
    "check that the device speaks Modbus TCP on this port; for a serial server use "
    "modbus-rtu+tcp://",
)
READ_RESPONSE: Final = Template(
    "modbus.read_response", "a response of unit {unit} to function {function} with {size} bytes"
)
WRITE_RESPONSE: Final = Template(
    "modbus.write_response", "a response of unit {unit} that repeats {data}"
)
NUMBERED: Final = Template("modbus.numbered", "{response} (transaction {number})")
OTHER_UNIT: Final = Template("modbus.other_unit", "a response of unit {unit}")
OTHER_FUNCTION: Final = Template("modbus.other_function", "a response to function {function}")
OTHER_DATA: Final = Template("modbus.other_data", "the bytes {data}")
OTHER_SIZE: Final = Template("modbus.other_size", "{size} bytes, announced as {announced} bytes")
EXCEPTION_SIZE: Final = Template("modbus.exception_size", "an exception response of {size} bytes")
CRC: Final = Template("modbus.crc", "a wrong CRC: {crc} after {data}")
NOT_A_RESPONSE: Final = Template(
    "modbus.not_a_response",
    "{n} byte that is not a response: {data}",
    "{n} bytes that are not a response: {data}",
)
ENDLESS: Final = Template("modbus.endless", "{size} bytes without an end: {data}")
UNFINISHED: Final = Template(
    "modbus.unfinished",
    "{n} byte of an unfinished response: {data}",
    "{n} bytes of an unfinished response: {data}",
)
OTHER_TRANSACTION: Final = Template(
    "modbus.other_transaction", "a response to transaction {number}"
)
STRAYS: Final = Template("modbus.strays", "more than {limit} responses to other requests")
NO_HEADER: Final = Template("modbus.no_header", "bytes that are not a Modbus TCP header: {data}")
