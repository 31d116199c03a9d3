"""The docks of the plugin, one module each; the manifest names them."""
