"""SQLAlchemy through the gateway, by both of its drivers: reflection, the ORM, and masks in what they load."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    full_name: Mapped[str]
    email: Mapped[str] = mapped_column(sa.String(60))
    plan: Mapped[str]
    ssn: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.Text))
    orders: Mapped[list[Order]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"))
    amount: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))
    card_number: Mapped[str]
    customer: Mapped[Customer] = relationship(back_populates="orders")


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[Decimal] = mapped_column(sa.Numeric(8, 2))
    parent: Mapped[int | None] = mapped_column(sa.ForeignKey("items.id"))
    children: Mapped[list[Item]] = relationship()


def _worked(gateway, driver: str, user: str, work):
    """Runs `work(connection)` on a connection of either driver, rolled back at the end."""
    if driver == "psycopg":
        engine = sa.create_engine(gateway.url(user, "psycopg"), poolclass=sa.NullPool)
        with engine.connect() as connection, connection.begin() as transaction:
            found = work(connection)
            transaction.rollback()
            return found

    async def asynchronously():
        engine = create_async_engine(gateway.url(user, "asyncpg"), poolclass=sa.NullPool)
        async with engine.connect() as connection, connection.begin() as transaction:
            found = await connection.run_sync(work)
            await transaction.rollback()
            return found

    return asyncio.run(asynchronously())


@pytest.fixture(params=["psycopg", "asyncpg"])
def work(request, gateway):
    return lambda user, work: _worked(gateway, request.param, user, work)


def _reflected(connection: sa.Connection) -> dict[str, object]:
    look = sa.inspect(connection)
    tables = look.get_table_names()
    return {
        "schemas": look.get_schema_names(),
        "tables": tables,
        "views": look.get_view_names(),
        "columns": {table: [(one["name"], str(one["type"]), one["nullable"]) for one in look.get_columns(table)] for table in tables},
        "keys": {table: look.get_pk_constraint(table) for table in tables},
        "foreign": {table: look.get_foreign_keys(table) for table in tables},
        "indexes": {table: look.get_indexes(table) for table in tables},
        "unique": {table: look.get_unique_constraints(table) for table in tables},
        "checks": {table: look.get_check_constraints(table) for table in tables},
        "comments": {table: look.get_table_comment(table) for table in tables},
        "sequences": look.get_sequence_names(),
    }  # fmt: skip


def test_reflection_sees_what_it_sees_at_the_server(gateway, work):
    beside = sa.create_engine(
        f"postgresql+psycopg://shop_gateway@127.0.0.1:{gateway.server.port}/shop", poolclass=sa.NullPool
    )
    with beside.connect() as connection:
        wanted = _reflected(connection)
    assert "customers" in wanted["tables"]
    assert work("dana", _reflected) == wanted


def test_a_whole_schema_is_reflected(work):
    def reflect(connection):
        metadata = sa.MetaData()
        metadata.reflect(connection)
        return sorted(metadata.tables), metadata.tables["orders"].c.customer_id.references(
            metadata.tables["customers"].c.id
        )

    # It asks for a setting by a parameter, which may name anything: that takes the right to run what is not analysed.
    tables, references = work("dora", reflect)
    assert {"customers", "items", "orders", "staff"} <= set(tables)
    assert references


def test_the_orm_loads_masked_objects_with_their_relations(work):
    def load(connection):
        with Session(connection) as session:
            query = sa.select(Customer).where(Customer.plan == "team", Customer.id < 5).order_by(Customer.id)
            found = session.scalars(query.options(selectinload(Customer.orders))).all()
            lazily = session.get(Order, found[0].orders[0].id).customer
            assert lazily is found[0]
            return [(one.id, one.email, one.ssn, one.tags, len(one.orders), one.orders[0].card_number) for one in found]

    assert work("dana", load) == [
        (1, "p***@example.com", "*******1001", ["t1", "all"], 5, "************0200"),
        (4, "p***@example.com", "*******1004", ["t4", "all"], 5, "************0003"),
    ]


def test_the_orm_writes_and_reads_what_it_wrote(work):
    def write(connection):
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            tree = Item(
                id=1000, name="tree", price=Decimal("9.50"), children=[Item(id=1001, name="leaf", price=Decimal(1))]
            )
            session.add(tree)
            session.commit()
            tree.price = Decimal("10.00")
            session.commit()
            session.expire_all()
            found = session.execute(sa.select(Item.name, Item.price).where(Item.id >= 1000).order_by(Item.id)).all()
            session.delete(tree.children[0])
            session.commit()
            return [tuple(one) for one in found], session.scalar(sa.select(sa.func.count()).where(Item.id >= 1000))

    assert work("app", write) == ([("tree", Decimal("10.00")), ("leaf", Decimal("1.00"))], 1)


def test_many_rows_are_inserted_with_their_keys_returned(work):
    def write(connection):
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            items = [Item(name=f"bulk {n}", price=Decimal(n)) for n in range(300)]
            session.add_all(items)
            session.flush()
            return len({item.id for item in items})

    assert work("app", write) == 300


def test_a_refusal_is_the_drivers_own_error_and_the_session_goes_on(work):
    def refused(connection):
        with pytest.raises(sa.exc.ProgrammingError, match="not permitted"), connection.begin_nested():
            connection.execute(sa.update(Item).values(price=0).where(Item.id == 1))
        return connection.scalar(sa.select(sa.func.count()).select_from(Item).where(Item.id <= 10))

    assert work("dana", refused) == 10


def test_tables_are_made_and_dropped(work):
    def make(connection):
        metadata = sa.MetaData()
        table = sa.Table(
            "made_by_orm",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("kind", sa.Enum("low", "high", name="made_kind")),
            sa.Column("data", sa.JSON),
            sa.Index("made_by_kind", "kind"),
        )
        metadata.create_all(connection)
        connection.execute(sa.insert(table), [{"kind": "low", "data": {"a": 1}}, {"kind": "high", "data": None}])
        found = connection.execute(sa.select(table.c.kind, table.c.data).order_by(table.c.id)).all()
        names = [index["name"] for index in sa.inspect(connection).get_indexes("made_by_orm")]
        metadata.drop_all(connection)
        return [tuple(one) for one in found], names

    assert work("app", make) == ([("low", {"a": 1}), ("high", None)], ["made_by_kind"])


def test_results_are_streamed_by_a_server_side_cursor(gateway):
    engine = sa.create_engine(gateway.url("dana", "psycopg"), poolclass=sa.NullPool)
    with engine.connect().execution_options(stream_results=True, max_row_buffer=50) as connection:
        found = connection.execute(sa.select(Customer.id, Customer.ssn).order_by(Customer.id))
        assert [tuple(one) for one in found] == [(n, f"*******{1000 + n}") for n in range(1, 201)]
