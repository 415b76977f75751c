"""The compiled form of a corpus: a Parquet table beside memory-mapped shards of 16-bit samples.

    NAME/store.json        version, preparation, card, checksums: written last, so a folder that has it is whole
    NAME/records.parquet   one row a record: what is known of it, and where its samples are
    NAME/00000.i16 …       samples, record after record, each `lead time`
    NAME/00000.i8 …        fingerprints, record after record, each `lead sample`, of the leads in `lead_names`
    NAME/skipped.csv       records that could not be read, and why

A sample is `count × scale` in the store's unit, where `scale` is 0.001 unless the record's amplitude asks for a coarser
one. Eight leads are kept where the other four follow from them within `tolerance`, else twelve: decided record by
record. The fingerprint is made of the recording as it was read, so stores of any preparation can be compared; a store
without a preparation holds fingerprints only.
"""

__all__ = ["Fingerprint", "Joined", "Store", "StoreError", "compile_store", "plan"]

from einthoven.store._compile import compile_store, plan
from einthoven.store._fingerprint import Fingerprint
from einthoven.store._store import Joined, Store, StoreError
