"""MQTT and Home Assistant: payloads and discovery (pure), the link to the broker, and the plug-in of the gateway."""

from adaptd.gateway.mqtt.fleet import fleet_key
from adaptd.gateway.mqtt.plug import Fleet, MqttPlug
from adaptd.gateway.mqtt.settings import settings_of
from adaptd.gateway.plugins import Arguments
from adaptd.gateway.secret_file import SettingsError


def plug_in(arguments: Arguments) -> MqttPlug:
    """The plug-in that ``adaptd gateway --mqtt URL`` asks for.

    Raises:
        SettingsError: the URL, the credentials or a certificate cannot be used.
    """
    settings = settings_of(
        arguments.mqtt or "",
        credentials=arguments.mqtt_credentials,
        ca=arguments.mqtt_ca,
        certificate=arguments.mqtt_cert,
        key=arguments.mqtt_key,
        version=arguments.mqtt_version,
    )
    return MqttPlug(
        settings,
        socket=arguments.socket,
        state=arguments.state,
        audit=arguments.audit,
        device=arguments.box_name,
        commands=arguments.commands,
        fleet=_fleet(arguments),
    )


def _fleet(arguments: Arguments) -> Fleet | None:
    """What the owner said of the fleet; None where the box is in none."""
    if arguments.fleet_policies and arguments.fleet_key is None:
        raise SettingsError("--fleet-policies needs --fleet-key: a policy is taken from a server that is known alone")
    if not arguments.fleet and arguments.fleet_key is None:
        return None
    return Fleet(None if arguments.fleet_key is None else fleet_key(arguments.fleet_key), arguments.fleet_policies)
