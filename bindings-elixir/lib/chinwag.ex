defmodule Chinwag do
  @moduledoc """
  Cluster membership: who is here, who failed, who left. SWIM with Lifeguard on HashiCorp
  memberlist's wire, so members written in any language share one cluster.

      children = [
        {Chinwag, name: MyApp.Mesh, node: "web-1", seeds: ["127.0.0.1:7947"]}
      ]

      Supervisor.start_link(children, strategy: :rest_for_one)

  ## Options

  The option table of `Chinwag.Constants`, the same in every language, with these differences:

    * `:name` (required) - the atom under which the application finds the node, as with any
      named process. An ETS table of that name holds what the calls below need.
    * `:node` - the member's own name in the cluster (the table's `name`).
    * `:shutdown` - milliseconds that the supervisor grants for leaving and closing; 10,000 unless
      told otherwise. The farewell may take half of it, and 5,000 at most.
    * `:keys` and `:cookie` may be functions of no arguments that return them, called at each start.
      Given as they are, a supervisor keeps them inside of functions: no report shows them.
    * Durations are milliseconds. Every option may also be given as text, as in a configuration
      file: `probe_interval: "500ms"`.

  An unknown option is an error that suggests the nearest known one.

  ## Functions

  What reads returns plain values and raises `Chinwag.Error` when there is no such node. What acts
  returns `:ok`, `{:ok, value}` or `{:error, %Chinwag.Error{}}`, and has a variant with `!` that
  raises instead. None of them passes through the node's process, so any may be called from
  anywhere, a process that handles an event included. `Chinwag.Messages` has those of servers,
  `Chinwag.Streams`, `Chinwag.Topics`, `Chinwag.State` and `Chinwag.Serf` others.

  ## Events

  See `subscribe/3`.
  """

  import Chinwag.Operation

  alias Chinwag.{Answer, ClusterRing, Config, Constants, Error, Event, Events, KeyOutcome}
  alias Chinwag.{Member, Messages, Native, Node, Ring, Serf, State, Streams, Telemetry, Topics}

  @typedoc "The `:name` of a node."
  @type mesh :: atom()

  @typedoc "Tags as a map or a keyword list; keys and values are strings or atoms."
  @type tags :: Enumerable.t()

  @typedoc "What a message may be given as; what arrives is always a binary."
  @type payload :: iodata()

  @typedoc "What the last answers of a member to pings told."
  @type round_trip :: %{smoothed: float() | nil, payload: binary()}

  @typedoc "A key in base64, or the fingerprint of one that is in the keyring."
  @type key_name :: String.t()

  @type option ::
          Constants.option()
          | {:name, mesh()}
          | {:node, String.t()}
          | {:shutdown, timeout()}
          | {:keys, (() -> [String.t()])}
          | {:cookie, (() -> String.t())}

  @typedoc "What a subscriber gets inside `{:chinwag, mesh, event}`."
  @type event :: Event.t()

  @default_timeout 5_000
  # Above `tcp_timeout`, by which the core itself gives up.
  @join_timeout 30_000

  @doc "The specification for a supervisor: permanent, and shut down gracefully."
  @spec child_spec([option()]) :: Supervisor.child_spec()
  def child_spec(options) do
    config = Config.new(options)

    %{
      id: config.name,
      start: {__MODULE__, :start_link, [Config.hide(options)]},
      type: :worker,
      restart: :permanent,
      shutdown: config.shutdown
    }
  end

  @doc """
  Starts a node that is linked to the caller.

  Returns once the address is bound and the seeds have been tried. Being alone is success unless
  `:require_join` is set; the seeds are tried again while it lasts. The error is a
  `Chinwag.Error` with the code `:bad_config`, `:too_large`, `:bind_failed` or `:join_failed`.
  """
  @spec start_link([option()]) :: GenServer.on_start()
  def start_link(options), do: options |> Config.new() |> Node.start_link()

  @doc """
  The members that are present, alive or suspect, in the order of their names; the local one is
  among them until it has left. With `tags:`, only those that have all of these tags.

      Chinwag.members(MyApp.Mesh, tags: %{"role" => "web"})
  """
  @spec members(mesh(), tags: tags()) :: [Member.t()]
  def members(mesh, options \\ []) do
    options = Keyword.validate!(options, tags: [])
    members = mesh |> native!() |> Native.all(:members)

    if Enum.empty?(options[:tags]),
      do: members,
      else: Enum.filter(members, &Member.tagged?(&1, options[:tags]))
  end

  @doc "Everybody remembered, failed and departed members included."
  @spec known_members(mesh()) :: [Member.t()]
  def known_members(mesh), do: mesh |> native!() |> Native.all(:known)

  @doc "The member of that name, in whatever state it is remembered, or `nil`."
  @spec member(mesh(), String.t()) :: Member.t() | nil
  def member(mesh, name) when is_binary(name), do: mesh |> native!() |> Native.find(name)

  @doc "The local member; its address has the port that was really bound."
  @spec local_member(mesh()) :: Member.t()
  def local_member(mesh), do: mesh |> native!() |> Native.local()

  @doc "Counters since the start."
  @spec stats(mesh()) :: %{atom() => non_neg_integer()}
  def stats(mesh), do: mesh |> native!() |> Native.stats()

  @doc """
  The counters, and members by state, as OpenMetrics text, which Prometheus and its kin read. Its
  media type is `application/openmetrics-text; version=1.0.0; charset=utf-8`.
  """
  @spec metrics(mesh()) :: String.t()
  def metrics(mesh), do: mesh |> native!() |> Native.metrics()

  @doc "What may be shown of the keys of this node, the primary first; none without encryption."
  @spec keys(mesh()) :: [Answer.key_info()]
  def keys(mesh), do: mesh |> native!() |> Native.keys()

  @doc """
  Joins through `seeds`, each `host[:port]`, all at once; how many answered.

  `{:error, %Chinwag.Error{code: :join_failed, attempts: attempts}}` when none did.
  """
  @spec join(mesh(), [String.t()], timeout()) :: {:ok, pos_integer()} | {:error, Error.t()}
  def join(mesh, seeds, timeout \\ @join_timeout), do: run(mesh, {:join, seeds}, timeout)

  @doc "As `join/3`; raises `Chinwag.Error`."
  @spec join!(mesh(), [String.t()], timeout()) :: pos_integer()
  def join!(mesh, seeds, timeout \\ @join_timeout), do: mesh |> join(seeds, timeout) |> bang!()

  @doc """
  Changes tags; `nil` removes one, the others stay.

      :ok = Chinwag.update_tags(MyApp.Mesh, role: "draining", canary: nil)
  """
  @spec update_tags(mesh(), tags()) :: :ok | {:error, Error.t()}
  def update_tags(mesh, changes), do: run(mesh, {:update_tags, changes})

  @doc "Replaces all tags."
  @spec set_tags(mesh(), tags()) :: :ok | {:error, Error.t()}
  def set_tags(mesh, tags), do: run(mesh, {:set_tags, tags})

  @doc "Replaces the raw metadata, of which tags are one encoding."
  @spec set_meta(mesh(), binary()) :: :ok | {:error, Error.t()}
  def set_meta(mesh, meta), do: run(mesh, {:set_meta, meta})

  @doc """
  Sends a message to the present member of that name; it gets a `:message` event.

    * `reliable: true` (the default) - a connection for this one message, of at most 20 MiB: `:ok`
      once the member has read all of it. Otherwise one datagram, which may be lost or come twice,
      and fits into `:packet_size`.
    * `timeout:` - milliseconds to wait for that; 30,000 unless told otherwise. The core itself
      gives up after `:tcp_timeout`.

  With `:unknown_member` and `:too_large` nothing was sent; with `:node_down` the member may have
  got it all the same.
  """
  @spec send(mesh(), String.t(), payload(), reliable: boolean(), timeout: timeout()) ::
          :ok | {:error, Error.t()}
  def send(mesh, member, payload, options \\ []) do
    options = Keyword.validate!(options, reliable: true, timeout: @join_timeout)
    payload = flat(payload)
    run(mesh, {:send, {member, payload, options[:reliable]}}, options[:timeout], size(payload))
  end

  @doc "As `send/4`; raises `Chinwag.Error`."
  @spec send!(mesh(), String.t(), payload(), reliable: boolean(), timeout: timeout()) :: :ok
  def send!(mesh, member, payload, options \\ []),
    do: mesh |> send(member, payload, options) |> bang!()

  @doc """
  Gossips a message to all members: each gets one `:broadcast` event, this node none. It fits into
  one packet, and who joins within a minute may still get it.

    * `name:` - what it is about: where one of this name still waits, a newer one takes its place
    * `supersede: true` - and whoever has got the newer one does not get this one any more
  """
  @spec broadcast(mesh(), payload(), name: String.t() | nil, supersede: boolean()) ::
          :ok | {:error, Error.t()}
  def broadcast(mesh, payload, options \\ []) do
    options = Keyword.validate!(options, name: nil, supersede: false)
    run(mesh, {:broadcast, {flat(payload), options[:name], options[:supersede]}})
  end

  @doc "As `broadcast/3`; raises `Chinwag.Error`."
  @spec broadcast!(mesh(), payload(), name: String.t() | nil, supersede: boolean()) :: :ok
  def broadcast!(mesh, payload, options \\ []),
    do: mesh |> broadcast(payload, options) |> bang!()

  @doc """
  Replaces the state that is handed on with every exchange of states, of at most 20 MiB; the other
  side gets a `:remote_state` event. An empty one is not handed on.
  """
  @spec set_state(mesh(), payload()) :: :ok | {:error, Error.t()}
  def set_state(mesh, state) do
    state = flat(state)
    run(mesh, {:set_state, state}, @default_timeout, size(state))
  end

  @doc """
  Replaces what is added to answers to pings, of at most 512 bytes; others find it with
  `round_trip/2`.
  """
  @spec set_ping_payload(mesh(), payload()) :: :ok | {:error, Error.t()}
  def set_ping_payload(mesh, payload), do: run(mesh, {:set_ping_payload, flat(payload)})

  @doc """
  Pings the present member of that name, in a datagram; the milliseconds until its answer.

  `{:error, %Chinwag.Error{code: :timeout}}` when there is none within `:probe_timeout`.
  """
  @spec ping(mesh(), String.t()) :: {:ok, float()} | {:error, Error.t()}
  def ping(mesh, member), do: run(mesh, {:ping, member}, :infinity)

  @doc """
  What the last answers of the present member of that name told: how many milliseconds they took,
  smoothed as TCP smooths it, or `nil` before the first; and what it added to the last one.
  """
  @spec round_trip(mesh(), String.t()) :: {:ok, round_trip()} | {:error, Error.t()}
  def round_trip(mesh, member), do: run(mesh, {:round_trip, member})

  @doc """
  What this node knows of a member, and why: who probed, suspected and confirmed, and what was
  missing. Of a member that is not remembered, the `state` is `nil`.
  """
  @spec explain(mesh(), String.t()) :: {:ok, Answer.explanation()} | {:error, Error.t()}
  def explain(mesh, member) do
    with {:ok, told} <- run(mesh, {:explain, member}), do: {:ok, Answer.explanation(told)}
  end

  @doc """
  Installs a key, in base64, on this node: from now on it understands what is encrypted under it.

  To change the key of a cluster, install the new one everywhere, then use it everywhere, then
  remove the old one; `cluster_keys/3` does each for all members. A node that is started again has
  the keys of its options: give `:keys` as a function that knows of the new one.

  `:bad_argument` for what is no key, when there are 8 already, and on a node without keys.
  """
  @spec add_key(mesh(), String.t()) :: :ok | {:error, Error.t()}
  def add_key(mesh, key), do: run(mesh, {:add_key, key})

  @doc "Encrypts under that key of the keyring from now on; `:bad_argument` when it is not there."
  @spec use_key(mesh(), key_name()) :: :ok | {:error, Error.t()}
  def use_key(mesh, key), do: run(mesh, {:use_key, key})

  @doc "Forgets a key; `:bad_argument` when it is not there, or this node encrypts under it."
  @spec remove_key(mesh(), key_name()) :: :ok | {:error, Error.t()}
  def remove_key(mesh, key), do: run(mesh, {:remove_key, key})

  @doc """
  Has every member `:install`, `:use` or `:remove` a key, in base64, or `:list` its keys, serf
  agents too; what came of it for each that answered, by name. Go on only when all have and did.

      {:ok, outcomes} = Chinwag.cluster_keys(MyApp.Mesh, :install, key)
      true = Enum.all?(outcomes, fn {_member, outcome} -> outcome.done end)

  `:unsupported` while this node does not speak serf's versions.
  """
  @spec cluster_keys(mesh(), :install | :use | :remove | :list, String.t() | nil) ::
          {:ok, %{String.t() => KeyOutcome.t()}} | {:error, Error.t()}
  def cluster_keys(mesh, operation, key \\ nil) do
    with {:ok, told} <- run(mesh, {:cluster_keys, {operation, key}}, :infinity),
         do: {:ok, Answer.key_outcomes(told)}
  end

  @doc "As `cluster_keys/3`; raises `Chinwag.Error`."
  @spec cluster_keys!(mesh(), :install | :use | :remove | :list, String.t() | nil) ::
          %{String.t() => KeyOutcome.t()}
  def cluster_keys!(mesh, operation, key \\ nil),
    do: mesh |> cluster_keys(operation, key) |> bang!()

  @doc """
  Lets a newcomer in: with `admission: :ask`, the `id` of its `:admission` event. From then on it is
  a member like all others. `:bad_argument` when it is decided already: by somebody else, or because
  half of `:tcp_timeout` is over.
  """
  @spec admit(mesh(), pos_integer()) :: :ok | {:error, Error.t()}
  def admit(mesh, id), do: run(mesh, {:admit, id})

  @doc """
  Keeps a newcomer out, for 30 seconds without asking again; a joiner is told the reason, of which
  256 bytes travel. Otherwise as `admit/2`.
  """
  @spec refuse(mesh(), pos_integer(), String.t()) :: :ok | {:error, Error.t()}
  def refuse(mesh, id, reason), do: run(mesh, {:refuse, {id, reason}})

  @doc "As `refuse/3`; raises `Chinwag.Error`."
  @spec refuse!(mesh(), pos_integer(), String.t()) :: :ok
  def refuse!(mesh, id, reason), do: mesh |> refuse(id, reason) |> bang!()

  # What is said and asked in serf's way is documented there.
  for bang <- ["", "!"] do
    defdelegate unquote(:"user_event#{bang}")(mesh, name, payload \\ "", options \\ []), to: Serf
    defdelegate unquote(:"query#{bang}")(mesh, name, payload \\ "", options \\ []), to: Serf
    defdelegate unquote(:"respond#{bang}")(mesh, id, payload \\ ""), to: Serf
    defdelegate unquote(:"force_leave#{bang}")(mesh, member, options \\ []), to: Serf
    defdelegate unquote(:"coordinate#{bang}")(mesh), to: Serf
    defdelegate unquote(:"rtt#{bang}")(mesh, from, to), to: Serf
  end

  @doc """
  The ring of the members that are present, the local one included: alive or suspect. A value, which
  stays as it is when members come and go; ask again for the next one, or subscribe to `:ring`.

  The first call makes it, which takes some milliseconds for a hundred members; from then on it is
  kept, and a call copies its names. Whoever looks up many keys keeps it for as long. When members
  change, the next one is there some 20 ms later, after a burst of changes 200 ms at most. All
  members need the same options `ring_*`; a `:ring_mismatch` tells when they have not.
  """
  @spec ring(mesh()) :: Ring.t()
  def ring(mesh), do: mesh |> native!() |> ClusterRing.ring()

  @doc "The rings that were before it, the newest first: up to `ring_history`."
  @spec past_rings(mesh()) :: [Ring.t()]
  def past_rings(mesh), do: mesh |> native!() |> ClusterRing.past()

  @doc "The member that owns a key, by `ring/1`; `nil` if nobody is on the ring."
  @spec owner(mesh(), Ring.key()) :: Member.t() | nil
  def owner(mesh, key), do: mesh |> native!() |> ClusterRing.owner(key)

  @doc "Up to `count` members that a key belongs to, the owner first."
  @spec owners(mesh(), Ring.key(), non_neg_integer()) :: [Member.t()]
  def owners(mesh, key, count), do: mesh |> native!() |> ClusterRing.owners(key, count)

  @doc "Whether this node owns a key."
  @spec owns?(mesh(), Ring.key()) :: boolean()
  def owns?(mesh, key), do: mesh |> native!() |> ClusterRing.owns?(key)

  @doc """
  The name of who owned a key before its present owner, as far back as rings are kept: where to look
  for what has not moved yet. `nil` if nobody did.
  """
  @spec previous_owner(mesh(), Ring.key()) :: String.t() | nil
  def previous_owner(mesh, key), do: mesh |> native!() |> ClusterRing.previous_owner(key)

  @doc """
  Replaces what is decided by hand: `:excluded`, `:pins` and `:pin_prefixes` as in
  `Chinwag.Ring.new/2`; what is not given is taken back. It holds for all members, also those that
  join later; their rings follow as after a change of members. `:too_large`, with nothing changed,
  for more than 60 KiB in all, or what has more than 1,024 bytes.
  """
  @spec set_ring_overrides(mesh(), [Ring.override()]) :: :ok | {:error, Error.t()}
  def set_ring_overrides(mesh, overrides) do
    case Ring.overrides(overrides) do
      # However many they are: they are not read by a scheduler of processes.
      {:ok, steps} -> run(mesh, {:set_ring_overrides, steps}, @default_timeout, :infinity)
      refused -> Telemetry.operation(mesh, :set_ring_overrides, fn -> refused end)
    end
  end

  @doc """
  The slots of a `:handoff_prepare` with that `id` are released: their next owner may have them.
  Call it once nothing of theirs is written here any more, and what the next owner needs is where it
  finds it. `:bad_argument` if no such hand-off waits: its time is over, or the slots came back.
  """
  @spec released(mesh(), pos_integer()) :: :ok | {:error, Error.t()}
  def released(mesh, id), do: run(mesh, {:released, id})

  # Calls and casts are documented there.
  for name <- [:call, :cast, :multi_call, :abcast], name <- [name, :"#{name}!"] do
    defdelegate unquote(name)(mesh, target, op, payload \\ nil, options \\ []), to: Messages
  end

  defdelegate hosts(mesh, server), to: Messages
  defdelegate servers(mesh), to: Messages
  defdelegate serve(mesh, name, handler, options \\ []), to: Messages
  defdelegate via(mesh, target, options \\ []), to: Messages
  defdelegate monitor(mesh, target), to: Messages
  defdelegate demonitor(monitor, options \\ []), to: Messages
  defdelegate loop_state(mesh, member), to: Messages
  defdelegate stream(mesh, target, op, payload \\ nil, options \\ []), to: Streams
  defdelegate items(sender), to: Streams
  for name <- [:send_item, :send_item!], do: defdelegate(unquote(name)(to, value), to: Streams)
  defdelegate sender(from), to: Messages
  defdelegate reply(sender, value), to: Messages

  # So is what is published.
  for name <- [:publish, :publish!] do
    defdelegate unquote(name)(mesh, topic, payload \\ nil, options \\ []), to: Topics
  end

  defdelegate subscribers(mesh, topic), to: Topics
  defdelegate topics(mesh), to: Topics

  # So are the keys of members.
  for bang <- ["", "!"] do
    defdelegate unquote(:"put#{bang}")(mesh, key, value, options \\ []), to: State
    defdelegate unquote(:"delete#{bang}")(mesh, key), to: State
  end

  defdelegate get(mesh, member, key), to: State
  defdelegate entries(mesh, prefix \\ ""), to: State
  defdelegate watch(mesh, prefix \\ "", options \\ []), to: State
  defdelegate unwatch(mesh, watch), to: State

  @doc "The map of that name which all members share; see `Chinwag.Map`."
  @spec map(mesh(), String.t()) :: Chinwag.Map.t()
  def map(mesh, name), do: %Chinwag.Map{mesh: mesh, name: name}

  @doc """
  Says goodbye, so that the others see a leave and not a failure. The node stays, alone and silent,
  until it joins again. A supervisor that stops the node does this by itself.
  """
  @spec leave(mesh(), non_neg_integer()) :: :ok | {:error, Error.t()}
  def leave(mesh, timeout \\ @default_timeout), do: run(mesh, {:leave, timeout}, :infinity)

  @doc "As `leave/2`; raises `Chinwag.Error`."
  @spec leave!(mesh(), non_neg_integer()) :: :ok
  def leave!(mesh, timeout \\ @default_timeout), do: mesh |> leave(timeout) |> bang!()

  @doc """
  Frees the node's sockets and threads and ends its process, without a word to the others: they see
  a failure unless `leave/2` came first. Closing again does nothing. Under a supervisor prefer
  `Supervisor.terminate_child/2`, which leaves; a child that is closed is started again.
  """
  @spec close(mesh()) :: :ok | {:error, Error.t()}
  def close(mesh), do: Node.close(mesh)

  @doc """
  Subscribes the calling process to events, which are messages, in order, tagged with the node's
  name; `t:Chinwag.Event.t/0` has all of them.

      :ok = Chinwag.subscribe(MyApp.Mesh, :members, replay: true)

      def handle_info({:chinwag, MyApp.Mesh, {:member_join, member}}, state)
      def handle_info({:chinwag, MyApp.Mesh, {:member_failed, member}}, state)
      def handle_info({:chinwag, MyApp.Mesh, {:message, %{sender: name, payload: bytes}}}, state)
      def handle_info({:chinwag, MyApp.Mesh, {:events_lost, count, members}}, state)

    * `:ring` as topic - changes of the ring of `ring/1`, which is kept from then on, and hand-offs.
      `:members` - all others. `[:members, :ring]` - both.
    * `replay: true` - first one `:member_join` for each present member, then `:replay_done`, then
      what happens, with no gap. With `:ring` alone there is nothing to tell again: call `ring/1`
      once you have subscribed; what has a greater `version` is yet to come.
    * `seq: true` - each message has the event's number as a fourth element:
      `{:chinwag, MyApp.Mesh, event, seq}`.

  A subscriber with `event_buffer` (1,024) or more messages in its mailbox is passed over. Once it
  has worked off half of them it gets one `:events_lost` with the number of events that it missed,
  of whatever topic, and the members as they are now. It holds up nobody else.

  A process has one subscription a node; subscribing again starts it anew. It ends with the process,
  with `unsubscribe/1`, and with the node: monitor the node's name to hear of a restart.

  ## Topics

  `{:topic, name}` subscribes it to what members publish there, as `Chinwag.Topics` has it:

      :ok = Chinwag.subscribe(MyApp.Mesh, {:topic, "orders"}, queue: "workers")

      def handle_info({:chinwag, MyApp.Mesh, {:message, "orders", payload, meta}}, state)

    * `queue:` - all subscribers of one queue, on whatever members, share what is published
    * `buffer:` - publications that may wait, 1,024 unless told, and 64 MiB; who is slower misses
      the oldest, and `meta.missed` of the next one says how many

  Of these, at most 64 are sent ahead to a process that does not read. It has any number of such
  subscriptions, one for each topic and queue.
  """
  @spec subscribe(mesh(), Event.topic() | [Event.topic()], replay: boolean(), seq: boolean()) ::
          :ok | {:error, Error.t()}
  @spec subscribe(mesh(), {:topic, String.t()}, [Topics.subscribe_option()]) ::
          :ok | {:error, Error.t()}
  def subscribe(mesh, topics \\ :members, options \\ [])
  def subscribe(mesh, {:topic, topic}, options), do: Topics.subscribe(mesh, topic, options)

  def subscribe(mesh, topics, options) do
    topics = Events.topics(topics)
    options = Keyword.validate!(options, replay: false, seq: false)

    with :ok <- Node.call(mesh, {:subscribe, [topics: topics] ++ options}),
         do: if(:ring in topics, do: keep_ring(mesh), else: :ok)
  end

  defp keep_ring(mesh) do
    with {:ok, native} <- Node.fetch(mesh), do: ClusterRing.keep(native)
  end

  @doc "Ends the calling process's subscription to events. Messages that were sent before stay."
  @spec unsubscribe(mesh()) :: :ok
  def unsubscribe(mesh) do
    _ = Node.call(mesh, :unsubscribe)
    :ok
  end

  @doc "Ends its subscription to a topic, in that `queue:` if in one."
  @spec unsubscribe(mesh(), {:topic, String.t()}, queue: String.t() | nil) :: :ok
  def unsubscribe(mesh, {:topic, topic}, options \\ []),
    do: Topics.unsubscribe(mesh, topic, options)

  for {name, {argument, type, result}} <- [
        update_tags: {:changes, quote(do: tags()), :ok},
        set_tags: {:tags, quote(do: tags()), :ok},
        set_meta: {:meta, quote(do: binary()), :ok},
        set_state: {:state, quote(do: payload()), :ok},
        set_ping_payload: {:payload, quote(do: payload()), :ok},
        ping: {:member, quote(do: String.t()), quote(do: float())},
        round_trip: {:member, quote(do: String.t()), quote(do: round_trip())},
        explain: {:member, quote(do: String.t()), quote(do: Answer.explanation())},
        add_key: {:key, quote(do: String.t()), :ok},
        use_key: {:key, quote(do: key_name()), :ok},
        remove_key: {:key, quote(do: key_name()), :ok},
        admit: {:id, quote(do: pos_integer()), :ok},
        set_ring_overrides: {:overrides, quote(do: [Ring.override()]), :ok},
        released: {:id, quote(do: pos_integer()), :ok}
      ] do
    argument = Macro.var(argument, __MODULE__)

    @doc "As `#{name}/2`; raises `Chinwag.Error`."
    @spec unquote(:"#{name}!")(mesh(), unquote(type)) :: unquote(result)
    def unquote(:"#{name}!")(mesh, unquote(argument)),
      do: mesh |> unquote(name)(unquote(argument)) |> bang!()
  end
end
