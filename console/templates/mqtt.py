"""The MQTT connection: why a broker cannot be reached, or refuses."""

from __future__ import annotations

from typing import Final

from console.text import Template

# The address and the certificate

INVALID_ADDRESS: Final = Template("mqtt.invalid_address", "invalid broker address '{address}'")
EXTRA_PARTS: Final = Template(
    "mqtt.extra_parts", "the broker address '{address}' contains more than a host and a port"
)
PLAIN_WITH_CERTIFICATE: Final = Template(
    "mqtt.plain_with_certificate",
    "a certificate is given, but the broker address '{address}' does not use TLS",
)
WRITE_ADDRESS: Final = Template("mqtt.write_address", "write mqtt://host:port or mqtts://host:port")
USE_TLS: Final = Template("mqtt.use_tls", "write mqtts:// in the address")
NO_AUTHORITY: Final = Template(
    "mqtt.no_authority", "the file contains no certificate of a trusted authority"
)
PAIR_UNUSABLE: Final = Template(
    "mqtt.pair_unusable", "the certificate and the key {key} cannot be used together"
)
RESTORE_IDENTITY: Final = Template(
    "mqtt.restore_identity", "restore the file, or have the certificate issued again"
)
CHECK_OWNER: Final = Template(
    "mqtt.check_owner", "check that the file exists and belongs to the account that connects"
)

# Connecting

NOTHING_LISTENS: Final = Template("mqtt.nothing_listens", "nothing listens at this address")
CHECK_BROKER: Final = Template(
    "mqtt.check_broker", "check the port, and that the broker is running"
)
SILENT: Final = Template("mqtt.silent", "the broker did not answer within {time}")
CHECK_PROTOCOL: Final = Template(
    "mqtt.check_protocol", "check that this port speaks MQTT, with or without TLS"
)
CHECK_VERSION: Final = Template(
    "mqtt.check_version", "check that this port speaks MQTT in this version, with or without TLS"
)
CHECK_VERSION_OR_CERTIFICATE: Final = Template(
    "mqtt.check_version_or_certificate",
    "check that this port speaks MQTT in this version over TLS; if it does, have this client's "
    "certificate issued again",
)
NOT_TRUSTED: Final = Template("mqtt.not_trusted", "the broker's certificate is not trusted")
CHECK_TRUST: Final = Template(
    "mqtt.check_trust",
    "check the trusted authorities, the broker's name and this machine's clock",
)
NAME_UNKNOWN: Final = Template("mqtt.name_unknown", "the broker's name cannot be resolved")
CHECK_NAME: Final = Template("mqtt.check_name", "check the name and the DNS server")
INVALID_HOST: Final = Template("mqtt.invalid_host", "the broker's host name is invalid")
CORRECT_HOST: Final = Template("mqtt.correct_host", "correct the broker's host name")
NO_CONNECTION: Final = Template("mqtt.no_connection", "no connection to the broker could be opened")
CHECK_ROUTE: Final = Template("mqtt.check_route", "check the address, the route and the firewall")
TLS_ENDED: Final = Template("mqtt.tls_ended", "the broker ended the TLS connection")
CHECK_TLS: Final = Template("mqtt.check_tls", "check that this port speaks TLS")
REISSUE: Final = Template(
    "mqtt.reissue",
    "have this client's certificate issued again: it may have expired or been revoked",
)
LOST_BEFORE_ANSWER: Final = Template(
    "mqtt.lost_before_answer", "the connection ended before the broker answered"
)

# Refusals

CONNECTION_REFUSED: Final = Template("mqtt.connection_refused", "the broker refused the connection")
PUBLISH_REFUSED: Final = Template("mqtt.publish_refused", "the broker refused a message")
SUBSCRIPTION_REFUSED: Final = Template(
    "mqtt.subscription_refused", "the broker refused a subscription"
)
BROKER_REASON: Final = Template(
    "mqtt.broker_reason", "the broker gives the reason '{name}' ({code})"
)
TOO_LARGE: Final = Template(
    "mqtt.too_large", "its {size} bytes exceed the broker's limit of {limit} bytes"
)

# Disconnection

DISCONNECTED: Final = Template("mqtt.disconnected", "the connection to the broker ended")
CLOSED_HERE: Final = Template("mqtt.closed_here", "this side closed it")
NO_REASON: Final = Template(
    "mqtt.no_reason",
    "no reason was given: the broker stopped, the network failed, or another client connected "
    "with the same client id",  # Mosquitto 2.0.11 gives no 0x8E even in MQTT 5
)
KEEPALIVE: Final = Template("mqtt.keepalive", "nothing was received for two keepalive intervals")
INVALID_DATA: Final = Template("mqtt.invalid_data", "invalid MQTT data was received ({problem})")
TLS_ALERT: Final = Template("mqtt.tls_alert", "the broker sent the TLS alert '{alert}'")

# Next steps for a broker's reason code

START_RECEIVER: Final = Template("mqtt.start_receiver", "start the portal's ingest worker")
CHANGE_VERSION: Final = Template(
    "mqtt.change_version", "set the other MQTT version (5 or 3.1.1) for this broker"
)
CHANGE_CLIENT_ID: Final = Template(
    "mqtt.change_client_id", "change the client id: the broker does not accept this one"
)
CORRECT_PASSWORD: Final = Template("mqtt.correct_password", "correct the user name or the password")
ALLOW_CLIENT: Final = Template(
    "mqtt.allow_client", "allow this client and its topics in the broker's access list"
)
WAIT_BUSY: Final = Template(
    "mqtt.wait_busy", "wait: the broker is busy, and the connection is tried again"
)
ASK_ADMINISTRATOR: Final = Template(
    "mqtt.ask_administrator", "ask the broker's administrator why this client is banned"
)
FIND_OTHER_CLIENT: Final = Template(
    "mqtt.find_other_client",
    "find the other client that uses this client id, such as a cloned box",
)
RAISE_PACKET_SIZE: Final = Template(
    "mqtt.raise_packet_size", "raise the broker's maximum packet size"
)
RAISE_QUOTA: Final = Template("mqtt.raise_quota", "raise the broker's quota for this client")
WAIT_ADMINISTRATOR: Final = Template(
    "mqtt.wait_administrator",
    "wait: an administrator of the broker ended the session, and the connection is tried again",
)
