"""A model's manifest, under the name that this room knows it by."""

from rankloop.tables.manifests import FORMAT as FORMAT
from rankloop.tables.manifests import DataWindow as DataWindow
from rankloop.tables.manifests import Kind as Kind
from rankloop.tables.manifests import Manifest as Manifest
from rankloop.tables.manifests import Measured as Measured
from rankloop.tables.manifests import State as State
