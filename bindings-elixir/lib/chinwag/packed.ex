defmodule Chinwag.Packed do
  @moduledoc false
  # Reads what the native side writes (`events.rs` and `member.rs` there), in the same order.

  alias Chinwag.{Constants, Member, Native}

  # What memberlist announces, and serf, since protocol 2: literals, so that messages share them.
  @usual [[1, 5, 2, 0, 0, 0], [1, 5, 2, 2, 5, 4], [1, 5, 2, 2, 5, 5]]

  @doc "`{seq, event}`; members that were too many for a scheduler are fetched from `native`."
  def event({number, seq, member}, _native), do: {seq, {type(number), member(member)}}

  def event({unquote(Constants.events()[:events_lost]), seq, count, :large}, native) do
    {seq, {:events_lost, count, members(Native.take_large(native))}}
  end

  def event({unquote(Constants.events()[:events_lost]), seq, count, members}, _native) do
    {seq, {:events_lost, count, members(members)}}
  end

  def event({number, seq, member, previous}, _native) do
    {seq, {type(number), member(member), member(previous)}}
  end

  def event({number, seq}, _native), do: {seq, type(number)}

  @doc "A list of members."
  def members({:error, error}), do: raise(error)
  def members(list), do: Enum.map(list, &member/1)

  @doc "A member."
  def member({name, addr, state, tags, meta, incarnation, versions}) do
    %Member{
      name: name,
      addr: addr,
      state: state(state),
      tags: tags,
      meta: meta,
      incarnation: incarnation,
      versions: versions(versions)
    }
  end

  def member({:error, error}), do: raise(error)

  for {type, number} <- Constants.events() do
    defp type(unquote(number)), do: unquote(type)
  end

  for {state, number} <- Constants.states() do
    defp state(unquote(number)), do: unquote(state)
  end

  for [a, b, c, d, e, f] = versions <- @usual do
    <<number::48>> = <<a, b, c, d, e, f>>
    defp versions(unquote(number)), do: unquote(versions)
  end

  defp versions(number), do: :binary.bin_to_list(<<number::48>>)
end
