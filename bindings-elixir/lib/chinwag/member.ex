defmodule Chinwag.Member do
  @moduledoc """
  A member of the cluster, as it was when the value was taken.

    * `name` - unique in the cluster
    * `addr` - the address that it advertises, `"ip:port"`; `sockaddr/1` takes it apart
    * `state` - `:alive`, `:suspect`, `:failed` or `:left`
    * `tags` - its tags; empty when its metadata is not in serf's encoding
    * `meta` - its metadata as it travels
    * `incarnation` - grows with every change and refutation
    * `versions` - protocol versions: memberlist's min, max, current, then the application's three
  """

  @enforce_keys [:name, :addr, :state]
  defstruct [:name, :addr, :state, tags: %{}, meta: "", incarnation: 0, versions: []]

  @type t :: %__MODULE__{
          name: String.t(),
          addr: String.t(),
          state: Chinwag.Constants.member_state(),
          tags: %{optional(String.t()) => String.t()},
          meta: binary(),
          incarnation: non_neg_integer(),
          versions: [byte()]
        }

  @doc """
  The address as `:gen_tcp` and its like take it.

      iex> Chinwag.Member.sockaddr(%Chinwag.Member{name: "a", addr: "[::1]:7946", state: :alive})
      {{0, 0, 0, 0, 0, 0, 0, 1}, 7946}
  """
  @spec sockaddr(t()) :: {:inet.ip_address(), :inet.port_number()}
  def sockaddr(%__MODULE__{addr: addr}) do
    [_, ip, port] = Regex.run(~r/^\[?(.*?)\]?:(\d+)$/, addr)
    {:ok, ip} = :inet.parse_address(to_charlist(ip))
    {ip, String.to_integer(port)}
  end

  @doc "Whether every one of these tags has that value."
  @spec tagged?(t(), Enumerable.t()) :: boolean()
  def tagged?(%__MODULE__{tags: tags}, wanted) do
    Enum.all?(wanted, fn {key, value} -> tags[to_string(key)] == to_string(value) end)
  end

  defimpl Inspect do
    import Inspect.Algebra

    def inspect(member, options) do
      facts = [member.name, " ", member.addr, " ", to_string(member.state), " "]
      concat(["#Chinwag.Member<"] ++ facts ++ [to_doc(member.tags, options), ">"])
    end
  end
end
