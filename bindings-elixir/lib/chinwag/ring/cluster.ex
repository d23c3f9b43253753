defmodule Chinwag.ClusterRing do
  @moduledoc false
  # The ring of a cluster. What would hold an ordinary scheduler up answers `:large`, and is asked
  # again on a dirty one: to make the first ring, to hash a long key.

  alias Chinwag.{Error, Native, Packed, Ring}

  @doc "Has the ring kept from now on."
  def keep(native), do: Native.cluster_keep(native)

  def ring(native) do
    told = with :large <- Native.cluster_ring(native), do: Native.cluster_ring_large(native)
    told |> plain!() |> Ring.told()
  end

  def past(native),
    do: native |> Native.cluster_past_rings() |> plain!() |> Enum.map(&Ring.told/1)

  def owner(native, key) do
    owner =
      with :large <- Native.cluster_owner(native, key),
           do: Native.cluster_owner_large(native, key)

    owner && Packed.member(owner)
  end

  def owners(native, key, count) do
    owners =
      with :large <- Native.cluster_owners(native, key, count),
           do: Native.cluster_owners_large(native, key, count)

    Packed.members(owners)
  end

  def owns?(native, key) do
    plain!(
      with :large <- Native.cluster_owns(native, key),
           do: Native.cluster_owns_large(native, key)
    )
  end

  def previous_owner(native, key), do: plain!(Native.cluster_previous_owner(native, key))

  defp plain!({:error, %Error{} = error}), do: raise(error)
  defp plain!(value), do: value
end
