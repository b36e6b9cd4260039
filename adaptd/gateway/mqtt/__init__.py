"""MQTT and Home Assistant: payloads and discovery (pure), the link to the broker, and the plug-in of the gateway."""

from adaptd.gateway.mqtt.plug import MqttPlug
from adaptd.gateway.mqtt.settings import settings_of
from adaptd.gateway.plugins import Arguments


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
    )
