"""The tables. Ids are 128 random bits in hex, times nanoseconds since 1970, sizes bytes.

A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

from howdah_receiver.catalogue.tables.metadata import (
    meta as meta,
)
from howdah_receiver.catalogue.tables.metadata import (
    metadata as metadata,
)
from howdah_receiver.catalogue.tables.people import (
    accounts as accounts,
)
from howdah_receiver.catalogue.tables.people import (
    audit as audit,
)
from howdah_receiver.catalogue.tables.people import (
    devices as devices,
)
from howdah_receiver.catalogue.tables.people import (
    invitations as invitations,
)
from howdah_receiver.catalogue.tables.people import (
    links as links,
)
from howdah_receiver.catalogue.tables.people import (
    memberships as memberships,
)
from howdah_receiver.catalogue.tables.people import (
    pairing_codes as pairing_codes,
)
from howdah_receiver.catalogue.tables.people import (
    spaces as spaces,
)
from howdah_receiver.catalogue.tables.trees import (
    SEARCH_TABLES as SEARCH_TABLES,
)
from howdah_receiver.catalogue.tables.trees import (
    changes as changes,
)
from howdah_receiver.catalogue.tables.trees import (
    files as files,
)
from howdah_receiver.catalogue.tables.trees import (
    folders as folders,
)
from howdah_receiver.catalogue.tables.trees import (
    intents as intents,
)
from howdah_receiver.catalogue.tables.trees import (
    manifests as manifests,
)
from howdah_receiver.catalogue.tables.trees import (
    placements as placements,
)
from howdah_receiver.catalogue.tables.trees import (
    trash as trash,
)
from howdah_receiver.catalogue.tables.trees import (
    unsynced as unsynced,
)
from howdah_receiver.catalogue.tables.trees import (
    versions as versions,
)
from howdah_receiver.catalogue.tables.uploads import (
    chunks as chunks,
)
from howdah_receiver.catalogue.tables.uploads import (
    uploads as uploads,
)
from howdah_receiver.catalogue.tables.watching import (
    arrivals as arrivals,
)
from howdah_receiver.catalogue.tables.watching import (
    notices as notices,
)
