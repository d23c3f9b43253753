# A shopping cart that may be written in several places at once. No node is needed: the record is
# data, and goes from program to program as a line of hexadecimal digits.
#
#     mix run examples/cart.exs ann tea </dev/null >tea
#     mix run examples/cart.exs bob milk <tea >milk
#     mix run examples/cart.exs eve rum <tea >rum
#     cat milk rum | mix run examples/cart.exs ann
#
# bob and eve do not know of each other's carts: the last line shows both, and makes one of them.

defmodule Cart do
  # The codec of the record's values. A cart is text: its items in order, each once, one a line.
  def encode!(items), do: Enum.join(items, "\n")
  def decode!(text), do: String.split(text, "\n")

  def union(items), do: items |> Enum.uniq() |> Enum.sort()
  def show(items, what), do: IO.puts(:stderr, "#{what} #{Enum.join(items, ", ")}")
end

alias Chinwag.Siblings

# The actor is who writes. No two may write at once under one name: the record would take them for
# one.
[actor | added] = System.argv()

record =
  IO.stream()
  |> Stream.map(&Base.decode16!(String.trim(&1), case: :lower))
  |> Stream.map(&Siblings.from_bytes!(&1, codec: Cart))
  |> Enum.reduce(Siblings.new(codec: Cart), &Siblings.merge!(&2, &1))

record =
  with [_, _ | _] = siblings <- Siblings.values(record) do
    Enum.each(siblings, &Cart.show(&1, "sibling"))
    Siblings.resolve!(record, actor, &Cart.union(Enum.concat(&1)))
  else
    _ -> record
  end

record =
  if added == [] do
    record
  else
    # The context says which values the new one replaces: those that were read.
    together = Cart.union(Enum.concat([added | Siblings.values(record)]))
    Siblings.put!(record, actor, Siblings.context(record), together)
  end

Enum.each(Siblings.values(record), &Cart.show(&1, "cart"))
record |> Siblings.to_bytes() |> Base.encode16(case: :lower) |> IO.puts()
