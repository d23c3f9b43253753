defmodule Chinwag.Packed do
  @moduledoc false
  # Reads what the native side writes (`events.rs` and `member.rs` there), in the same order.

  alias Chinwag.{Constants, Member, Native, RingChange}

  # What memberlist announces, and serf, since protocol 2: literals, so that messages share them.
  @usual [[1, 5, 2, 0, 0, 0], [1, 5, 2, 2, 5, 4], [1, 5, 2, 2, 5, 5]]

  @doc "`{seq, event}`; members that were too many for a scheduler are fetched from `native`."
  def event({number, seq, member}, _native) when is_tuple(member) do
    {seq, {type(number), member(member)}}
  end

  def event({number, seq, fields}, _native) when is_list(fields) do
    {seq, carrying(type(number), fields)}
  end

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

  # The change has the version.
  defp carrying(:ring_change, [_version, change]), do: {:ring_change, RingChange.told(change)}

  # What begins with a member goes on in a row; anything else is a map.
  for {type, [first | rest]} <- Constants.fields(), type not in [:events_lost, :ring_change] do
    names = Enum.map(rest, &Macro.var(&1, __MODULE__))

    if first == :member do
      defp carrying(unquote(type), [member | unquote(names)]) do
        {unquote(type), member(member),
         unquote_splicing(Enum.map(names, &quote(do: value(unquote(&1)))))}
      end
    else
      defp carrying(unquote(type), fields) do
        {unquote(type), named(unquote([first | rest]), fields)}
      end
    end
  end

  defp named(names, fields) do
    for {name, field} <- Enum.zip(names, fields), into: %{}, do: {name, named_value(name, field)}
  end

  defp named_value(:code, code), do: warning(code)
  defp named_value(:slots, packed), do: for(<<slot::32 <- packed>>, do: slot)
  defp named_value(_name, field), do: value(field)

  # A member is the only tuple of seven.
  defp value(field) when tuple_size(field) == 7, do: member(field)
  defp value(field), do: field

  for {warning, code} <- Constants.warnings() do
    defp warning(unquote(code)), do: unquote(warning)
  end

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
