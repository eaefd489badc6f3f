"""Role, database and extensions inside the embedded PostgreSQL."""

from project.embedded.addresses import DATABASE_NAME, DATABASE_PORT, DATABASE_USER, Addresses
from project.embedded.errors import EmbeddedError

SUPERUSER = "postgres"
EXTENSIONS = ("vector", "pg_trgm", "unaccent")


def provision(addresses: Addresses) -> None:
    """Make what is missing. The program's own role is no superuser.

    The extensions are made by the superuser in the template, since this build's pgvector is not marked as
    trusted; a database made later, also one for tests, has them from the start.

    Raises:
        EmbeddedError: the server does not know the kept password.
    """
    import psycopg  # here and not above: addresses are also asked for where no driver is needed
    from psycopg import sql

    def exists(query: str, name: str) -> bool:
        return connection.execute(query, [name]).fetchone() is not None

    try:
        with psycopg.connect(
            host=str(addresses.postgres_socket_dir),
            port=DATABASE_PORT,
            user=SUPERUSER,
            password=addresses.superuser_password,
            dbname="template1",
            autocommit=True,
        ) as connection:
            for extension in EXTENSIONS:
                if not exists("select 1 from pg_extension where extname = %s", extension):
                    connection.execute(sql.SQL("create extension {}").format(sql.Identifier(extension)))
            role = sql.Identifier(DATABASE_USER)
            if not exists("select 1 from pg_roles where rolname = %s", DATABASE_USER):
                password = sql.Literal(addresses.password)
                connection.execute(
                    sql.SQL("create role {} login createdb password {}").format(role, password)
                )
            if not exists("select 1 from pg_database where datname = %s", DATABASE_NAME):
                database = sql.Identifier(DATABASE_NAME)
                connection.execute(sql.SQL("create database {} owner {}").format(database, role))
    except psycopg.OperationalError as error:
        raise EmbeddedError(f"The embedded PostgreSQL refuses its own password: {error}") from error
