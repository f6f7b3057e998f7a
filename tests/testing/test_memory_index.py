from rankloop.testing.index_contract import DocumentIndexContract
from rankloop.testing.memory_index import MemoryIndex


class TestMemoryIndex(DocumentIndexContract):
    def build(self, folder):
        return MemoryIndex(dimension=3)
