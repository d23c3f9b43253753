defmodule Chinwag.Serf do
  @moduledoc """
  What members tell and ask each other in serf's way, serf agents included. All of these functions
  are functions of `Chinwag`.
  """

  import Chinwag.Operation

  alias Chinwag.{Answer, Error}

  @doc """
  Tells everybody something in serf's way, serf agents too: each member gets one `:user_event`, this
  node as well; who joins later gets the recent ones.

    * `coalesce: true` - a receiver may show only the last of several events of this name, and who
      joins later is not told

  `:unsupported` while this node does not speak serf's versions: start it with
  `delegate_versions: "2,5,5"`, or join a cluster that does.
  """
  @spec user_event(Chinwag.mesh(), String.t(), Chinwag.payload(), coalesce: boolean()) ::
          :ok | {:error, Error.t()}
  def user_event(mesh, name, payload \\ "", options \\ []) do
    options = Keyword.validate!(options, coalesce: false)
    run(mesh, {:user_event, {name, flat(payload), options[:coalesce]}})
  end

  @doc "As `user_event/4`; raises `Chinwag.Error`."
  @spec user_event!(Chinwag.mesh(), String.t(), Chinwag.payload(), coalesce: boolean()) :: :ok
  def user_event!(mesh, name, payload \\ "", options \\ []),
    do: mesh |> user_event(name, payload, options) |> bang!()

  @typedoc "See `query/4`."
  @type query_option ::
          {:nodes, [String.t()]}
          | {:tags, Chinwag.tags()}
          | {:ack, boolean()}
          | {:relay_factor, 0..255}
          | {:timeout, non_neg_integer() | nil}

  @doc """
  Asks everybody who is meant something in serf's way, serf agents too: each gets a `:query` event
  and may answer it, this node as well. Returns when all who are known to be meant have answered, or
  when the time of the query is over.

    * `nodes:` - names of those who are meant; everybody unless told
    * `tags:` - those who are meant have these tags: values are regular expressions as text
    * `ack: true` - everybody who is meant acknowledges it
    * `relay_factor:` - through how many other members a copy of each answer is sent
    * `timeout:` - milliseconds that answers are waited for; the longer the larger the cluster
      unless told

  The query takes at most 1024 bytes. `:unsupported` as for `user_event/4`.
  """
  @spec query(Chinwag.mesh(), String.t(), Chinwag.payload(), [query_option()]) ::
          {:ok, Answer.answers()} | {:error, Error.t()}
  def query(mesh, name, payload \\ "", options \\ []) do
    known = [nodes: [], tags: [], ack: false, relay_factor: 0, timeout: nil]
    %{nodes: nodes, tags: tags} = options = options |> Keyword.validate!(known) |> Map.new()
    options = {nodes, tags, options.ack, options.relay_factor, options.timeout}
    run(mesh, {:query, {name, flat(payload), options}}, :infinity)
  end

  @doc "As `query/4`; raises `Chinwag.Error`."
  @spec query!(Chinwag.mesh(), String.t(), Chinwag.payload(), [query_option()]) ::
          Answer.answers()
  def query!(mesh, name, payload \\ "", options \\ []),
    do: mesh |> query(name, payload, options) |> bang!()

  @doc """
  Answers a query, by the `id` of its event, once; the answer takes at most 1024 bytes, a name and
  some numbers included. `:timeout` when the query is over, or was answered already.
  """
  @spec respond(Chinwag.mesh(), pos_integer(), Chinwag.payload()) :: :ok | {:error, Error.t()}
  def respond(mesh, id, payload \\ ""), do: run(mesh, {:respond, {id, flat(payload)}})

  @doc "As `respond/3`; raises `Chinwag.Error`."
  @spec respond!(Chinwag.mesh(), pos_integer(), Chinwag.payload()) :: :ok
  def respond!(mesh, id, payload \\ ""), do: mesh |> respond(id, payload) |> bang!()

  @doc """
  Has everybody take a member that has failed for one that has left, serf agents too; with
  `prune: true`, they forget it at once. `:bad_argument` when it is present.
  """
  @spec force_leave(Chinwag.mesh(), String.t(), prune: boolean()) :: :ok | {:error, Error.t()}
  def force_leave(mesh, member, options \\ []) do
    options = Keyword.validate!(options, prune: false)
    run(mesh, {:force_leave, {member, options[:prune]}})
  end

  @doc "As `force_leave/3`; raises `Chinwag.Error`."
  @spec force_leave!(Chinwag.mesh(), String.t(), prune: boolean()) :: :ok
  def force_leave!(mesh, member, options \\ []),
    do: mesh |> force_leave(member, options) |> bang!()

  @doc "Where this node stands in serf's coordinate space, by its measurements so far."
  @spec coordinate(Chinwag.mesh()) :: {:ok, Answer.coordinate()} | {:error, Error.t()}
  def coordinate(mesh), do: run(mesh, {:coordinate, nil})

  @doc "As `coordinate/1`; raises `Chinwag.Error`."
  @spec coordinate!(Chinwag.mesh()) :: Answer.coordinate()
  def coordinate!(mesh), do: mesh |> coordinate() |> bang!()

  @doc """
  The estimated milliseconds of a round trip between two members, neither of which has to be this
  node. `:unknown_member` while it is not known where one of them stands.
  """
  @spec rtt(Chinwag.mesh(), String.t(), String.t()) :: {:ok, float()} | {:error, Error.t()}
  def rtt(mesh, from, to), do: run(mesh, {:rtt, {from, to}})

  @doc "As `rtt/3`; raises `Chinwag.Error`."
  @spec rtt!(Chinwag.mesh(), String.t(), String.t()) :: float()
  def rtt!(mesh, from, to), do: mesh |> rtt(from, to) |> bang!()
end
