"""Where Alembic gets its connection from: `catalogue.migrate` hands it over."""

from __future__ import annotations

from alembic import context

from howdah_receiver.catalogue.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
