"""What Alembic runs to apply migrations on a connection that we hand over."""

from alembic import context

from hadua.service.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
