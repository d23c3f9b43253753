defmodule Chinwag.Target do
  @moduledoc """
  Whom a message is for, of parts that nobody has to trust: nothing in them changes what the others
  mean. `Chinwag.call(mesh, Chinwag.Target.key("cart", user_id), "add", item)`
  """

  alias Chinwag.Error

  @doc "The server on that member. Raises `Chinwag.Error` for a name that no server can have."
  @spec at(String.t(), String.t()) :: String.t()
  def at(server, node), do: checked(server) <> "@" <> node

  @doc "The server on the member that owns the key."
  @spec key(String.t(), String.t()) :: String.t()
  def key(server, key), do: checked(server) <> "#" <> key

  defp checked(server) do
    if server =~ ~r"\A[A-Za-z0-9._:/-]{1,64}\z",
      do: server,
      else: raise(Error.new(:bad_argument, "#{inspect(server)} is no name of a server"))
  end
end
