"""MQTT and Home Assistant: payloads and discovery (pure), the link to the broker, and the plug-in of the gateway."""

from adaptd.gateway.mqtt.fleet import fleet_key
from adaptd.gateway.mqtt.pack_offers import Packs
from adaptd.gateway.mqtt.plug import Fleet, MqttPlug
from adaptd.gateway.mqtt.settings import Settings, settings_of
from adaptd.gateway.plugins import Arguments, Tell
from adaptd.gateway.secret_file import SettingsError
from adaptd.gateway.vda5050.mapping import vehicle_of
from adaptd.gateway.vda5050.plug import VdaPlug


def plug_in(arguments: Arguments, tell: Tell) -> MqttPlug:
    """The plug-in that ``adaptd gateway --mqtt URL`` asks for.

    Raises:
        SettingsError: the URL, the credentials or a certificate cannot be used.
    """
    return MqttPlug(
        _settings(arguments),
        socket=arguments.socket,
        state=arguments.state,
        audit=arguments.audit,
        device=arguments.box_name,
        commands=arguments.commands,
        fleet=_fleet(arguments),
        say=tell,
        version=arguments.version,
    )


def vda5050(arguments: Arguments, tell: Tell) -> VdaPlug:
    """The plug-in that ``adaptd gateway --mqtt URL --vda5050 MANUFACTURER/SERIAL`` asks for.

    Raises:
        SettingsError: no vehicle is named, or there is no broker to speak to.
    """
    if arguments.mqtt is None:
        raise SettingsError("--vda5050 needs a broker, give --mqtt mqtt://HOST as well")
    try:
        vehicle = vehicle_of(arguments.vda5050 or "")
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return VdaPlug(_settings(arguments), vehicle, tell)


def _settings(arguments: Arguments) -> Settings:
    return settings_of(
        arguments.mqtt or "",
        credentials=arguments.mqtt_credentials,
        ca=arguments.mqtt_ca,
        certificate=arguments.mqtt_cert,
        key=arguments.mqtt_key,
        version=arguments.mqtt_version,
    )


def _fleet(arguments: Arguments) -> Fleet | None:
    """What the owner said of the fleet; None where the box is in none."""
    if arguments.fleet_policies and arguments.fleet_key is None:
        raise SettingsError("--fleet-policies needs --fleet-key: a policy is taken from a server that is known alone")
    if arguments.fleet_packs is not None and (arguments.fleet_key is None or arguments.pack_key is None):
        raise SettingsError("--fleet-packs needs --fleet-key and --pack-key: packs are taken from those who are known alone")
    if not arguments.fleet and arguments.fleet_key is None:
        return None
    packs = (
        None if arguments.fleet_packs is None or arguments.pack_key is None else Packs(arguments.fleet_packs, arguments.pack_key)
    )
    return Fleet(None if arguments.fleet_key is None else fleet_key(arguments.fleet_key), arguments.fleet_policies, packs)
