"""MQTT and Home Assistant: payloads and discovery (pure), the link to the broker, and the plug-in of the gateway."""
