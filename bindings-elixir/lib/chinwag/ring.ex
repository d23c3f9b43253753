defmodule Chinwag.Ring do
  @moduledoc """
  Which node owns which key: a value that is a function of its nodes, and of nothing else. It needs
  no node of a cluster and no process.

      iex> alias Chinwag.Ring
      iex> ring = Ring.new!(["web-1", "web-2", {"web-3", weight: 2, zone: "eu"}])
      iex> owner = Ring.owner(ring, "user:42")
      iex> owner in Ring.names(ring)
      true
      iex> hd(Ring.owners(ring, "user:42", 2)) == owner
      true

  The same nodes give the same owners in every language and version, whatever the order in which
  they came; `docs/RING.md` of the project says how, to the bit.

  ## Nodes

  A node is a name, `{name, weight: 2, zone: "eu"}`, or a map of these such as a
  `Chinwag.RingNode`. Names are text or atoms.

  ## Keys

  A key is a binary, so text is its UTF-8. Anything else raises.

  ## Errors

  What makes a ring returns `{:ok, ring}` or `{:error, %Chinwag.Error{}}` with the code
  `:bad_argument` or `:too_large`, and has a variant with `!` that raises it. What asks one returns
  plain values, and raises `Chinwag.Error` for arguments that are none.

  ## Sharing

  Look-ups take no lock and send no message; any process may make them. A ring that is sent to a
  process takes the names along, and its table stays where it is. One that everybody asks is best
  put into `:persistent_term`. Other VMs get `to_bytes/1` of it, or `to_json/1`.

  Of two rings from the same nodes, `equal?/2` is true, and `fingerprint/1` the same; `==` compares
  tables by where they are.
  """

  alias Chinwag.{Error, Native, RingNode}

  # The weight is a binary as large as the table, for the garbage collector to count.
  @enforce_keys [:native, :weight, :names, :fingerprint, :profile, :version]
  defstruct @enforce_keys

  @typedoc "A ring. What is in it may change with any version."
  @type t :: %__MODULE__{
          native: reference(),
          names: tuple(),
          fingerprint: non_neg_integer(),
          profile: placement(),
          version: non_neg_integer()
        }

  @typedoc "A node's name; an atom means its text."
  @type name :: String.t() | atom()

  @typedoc "What a node is given as."
  @type ring_node ::
          name()
          | {name(), [weight: 1..65_535, zone: name() | nil] | map()}
          | RingNode.t()
          | %{
              required(:name) => name(),
              optional(:weight) => 1..65_535,
              optional(:zone) => name() | nil
            }

  @typedoc "What is placed."
  @type key :: binary()

  @typedoc "Which node has which of the keys, or of their beginnings."
  @type pins :: %{optional(key()) => name()} | [{key(), name()}]

  @typedoc "How keys are placed; see `new/2`."
  @type profile :: :default | :pure | :exact | :ketama | :clusterluck

  @typedoc "How keys are placed, in numbers; a slack of `nil` bounds nobody."
  @type placement ::
          {:slots, pos_integer(), slack :: non_neg_integer() | nil} | :ketama | :clusterluck

  @type option ::
          {:profile, profile() | String.t()}
          | {:slots, 1..1_048_576 | nil}
          | {:slack, 0..10_000 | nil}
          | {:replicas, 1..255}
          | {:hash_tags, boolean()}
          | override()

  @typedoc "What is decided by hand; see `new/2`."
  @type override :: {:pins | :pin_prefixes, pins()} | {:excluded, Enumerable.t()}

  @typedoc "What `replace/2` does, one after the other."
  @type step ::
          {:node | :update, ring_node()}
          | {:remove | :exclude | :include, name()}
          | {:pin | :pin_prefix, {key(), name()}}
          | {:unpin | :unpin_prefix, key()}
          | {:profile | :slots | :slack | :replicas | :hash_tags, term()}

  @type made :: {:ok, t()} | {:error, Error.t()}

  # What `:profile` is made of.
  @shape [:profile, :slots, :slack]
  @overrides [:excluded, :pins, :pin_prefixes]
  # Bytes of a key that are hashed on an ordinary scheduler at most.
  @key_max 65_536

  defguardp is_key(key) when is_binary(key) and byte_size(key) <= @key_max

  @doc """
  A ring of these nodes.

    * `:profile` - `:default`: a node has 5 % above its share at most. `:pure`: nobody is bound, so
      that a key only ever moves to a node that came or from one that went. `:exact`: nobody has
      more than its share. `:ketama`: libketama's continuum. `:clusterluck`: Clusterluck's.
    * `:slots` - into how many parts keys are divided, 65,536 unless told otherwise; the same in all
      VMs, for as long as keys are placed. Not with `:ketama` and `:clusterluck`.
    * `:slack` - what a node may have above its share, in thousandths, 50 unless told otherwise;
      only with `:default`.
    * `:replicas` - owners of a key that are found without a search, 1 to 255; 3 unless told
      otherwise. More can be asked for.
    * `:hash_tags` - whether what stands between `{` and `}` in a key places it, as in Redis Cluster
    * `:pins` - keys that are given to a node for as long as that one can own anything
    * `:pin_prefixes` - the same for all keys with a beginning; of several, the longest counts
    * `:excluded` - names of nodes that own nothing, such as those that are drained

  Building a ring of a hundred nodes takes some tens of milliseconds on a dirty scheduler.
  """
  @spec new(Enumerable.t(), [option()]) :: made()
  def new(nodes, options \\ []) do
    with {:ok, options} <- listed(options, "options"),
         {:ok, options} <- shaped(options, :default),
         {:ok, steps} <- steps(options),
         {:ok, nodes} <- each(:node, nodes, "nodes"),
         do: build(nil, steps ++ nodes)
  end

  @doc """
  The ring after these steps: one that differs by a node or two is made of this one in less than a
  millisecond.

      Ring.replace(ring, node: "web-4", remove: "web-1", exclude: "web-2", pin: {"vip", "web-3"})

  `:node` adds one, `:update` gives one that is there another weight and zone, `:remove` removes
  one. `:exclude` and `:include`, `:pin` and `:unpin`, `:pin_prefix` and `:unpin_prefix` set and
  take back what `new/2` calls `:excluded`, `:pins` and `:pin_prefixes`. `:replicas`, `:hash_tags`
  and `:profile`, with `:slots` and `:slack` beside it, are as there.
  """
  @spec replace(t(), [step()]) :: made()
  def replace(%__MODULE__{native: native}, steps) do
    with {:ok, steps} <- listed(steps, "steps"),
         {:ok, steps} <- shaped(steps, nil),
         do: build(native, steps)
  end

  @doc "The ring with one more node."
  @spec with_node(t(), ring_node()) :: made()
  def with_node(ring, node), do: replace(ring, node: node)

  @doc "The ring without a node."
  @spec without(t(), name()) :: made()
  def without(ring, name), do: replace(ring, remove: name)

  @doc "The ring with another weight and zone of a node: what is not given has its default."
  @spec update(t(), ring_node()) :: made()
  def update(ring, node), do: replace(ring, update: node)

  @doc """
  The nodes of both rings, and what is pinned in either. A node of both has the greater weight, and
  owns nothing only if that is so in both. The rings must place keys alike.
  """
  @spec union(t(), t()) :: made()
  def union(%__MODULE__{native: one}, %__MODULE__{native: other}),
    do: made(Native.ring_union(one, other))

  @doc """
  The nodes that are in both rings, and what is pinned alike in both. A node has the lesser weight,
  and owns nothing if that is so in either. The rings must place keys alike.
  """
  @spec intersection(t(), t()) :: made()
  def intersection(%__MODULE__{native: one}, %__MODULE__{native: other}),
    do: made(Native.ring_intersection(one, other))

  @doc "The ring of the bytes that `to_bytes/1` gives."
  @spec from_bytes(binary()) :: made()
  def from_bytes(bytes) when is_binary(bytes), do: made(Native.ring_from_bytes(bytes))
  def from_bytes(_bytes), do: bad("the bytes of a ring are a binary")

  @doc "The ring of the JSON that `to_json/1` gives; fields that are not there have their defaults."
  @spec from_json(String.t()) :: made()
  def from_json(json) when is_binary(json), do: made(Native.ring_from_json(json))
  def from_json(_json), do: bad("the JSON of a ring is a binary")

  for {name, parameters} <- [
        new: [:nodes],
        new: [:nodes, :options],
        replace: [:ring, :steps],
        with_node: [:ring, :node],
        without: [:ring, :name],
        update: [:ring, :node],
        union: [:one, :other],
        intersection: [:one, :other],
        from_bytes: [:bytes],
        from_json: [:json]
      ] do
    parameters = Enum.map(parameters, &Macro.var(&1, __MODULE__))
    types = Enum.map(parameters, fn _ -> quote(do: term()) end)

    @doc "As `#{name}/#{length(parameters)}`, but raises."
    @spec unquote(:"#{name}!")(unquote_splicing(types)) :: t()
    def unquote(:"#{name}!")(unquote_splicing(parameters)) do
      case unquote(name)(unquote_splicing(parameters)) do
        {:ok, ring} -> ring
        {:error, error} -> raise error
      end
    end
  end

  @doc "The node that owns a key; `nil` if the ring is empty."
  @spec owner(t(), key()) :: String.t() | nil
  def owner(%__MODULE__{native: native, names: names}, key) when is_key(key),
    do: elem(names, Native.ring_owner(native, key))

  def owner(%__MODULE__{native: native, names: names}, key),
    do: elem(names, Native.ring_owner_large(native, key))

  @doc """
  Up to `count` different nodes that a key belongs to, the owner first: exactly as many, or all if
  there are fewer. Those of other zones come first.
  """
  @spec owners(t(), key(), non_neg_integer()) :: [String.t()]
  def owners(%__MODULE__{native: native, names: names}, key, count) when is_key(key) do
    with :large <- Native.ring_owners(native, names, key, count),
         do: Native.ring_owners_large(native, names, key, count)
  end

  def owners(%__MODULE__{native: native, names: names}, key, count),
    do: Native.ring_owners_large(native, names, key, count)

  @doc """
  The owners of keys, in their order: one native call for all of them, which costs less for each
  than a call of `owner/2`.

      iex> ring = Chinwag.Ring.new!(["web-1", "web-2"])
      iex> owners = Chinwag.Ring.owners_many(ring, ["user:1", "user:2"])
      iex> owners == Enum.map(["user:1", "user:2"], &Chinwag.Ring.owner(ring, &1))
      true
  """
  @spec owners_many(t(), Enumerable.t()) :: [String.t() | nil]
  def owners_many(%__MODULE__{native: native, names: names}, keys) do
    with {first, rest} <- Native.ring_many(native, names, listed!(keys)),
         do: first ++ Native.ring_many_large(native, names, rest)
  end

  @doc "As `owners_many/2`, of keys of `width` bytes that stand side by side in one binary."
  @spec owners_many(t(), binary(), pos_integer()) :: [String.t() | nil]
  def owners_many(%__MODULE__{native: native, names: names}, packed, width),
    do: packed(native, names, packed, width)

  @doc """
  The numbers of the owners of keys, 16 bits each: places in `names/1`, the first of which is 0;
  65,535 if the ring is empty. For those who only count or compare.

      for <<number::16 <- Ring.owner_numbers(ring, keys)>>, do: number
  """
  @spec owner_numbers(t(), Enumerable.t()) :: binary()
  def owner_numbers(%__MODULE__{native: native}, keys) do
    with {first, rest} <- Native.ring_many(native, nil, listed!(keys)),
         do: first <> Native.ring_many_large(native, nil, rest)
  end

  @doc "As `owner_numbers/2`, of keys of `width` bytes that stand side by side in one binary."
  @spec owner_numbers(t(), binary(), pos_integer()) :: binary()
  def owner_numbers(%__MODULE__{native: native}, packed, width),
    do: packed(native, nil, packed, width)

  defp packed(native, names, packed, width) do
    with :large <- Native.ring_packed(native, names, packed, width),
         do: Native.ring_packed_large(native, names, packed, width)
  end

  @doc "Whether that node owns a key."
  @spec owns?(t(), name(), key()) :: boolean()
  def owns?(ring, name, key) when is_binary(name), do: owner(ring, key) == name

  def owns?(ring, name, key) when is_atom(name) and name != nil,
    do: owner(ring, key) == Atom.to_string(name)

  def owns?(_ring, _name, _key), do: raise(wrong("the name of a node is text"))

  # Mostly one of the next has room; all of them are asked in the end.
  @asked 8

  @doc """
  The first of the nodes that a key belongs to, in the order of `owners/3`, of which `has_room` is
  true: for loads that only the caller knows, such as requests under way. `nil` if there is none.

      Ring.owner_with_room(ring, "user:42", &(Map.get(loads, &1, 0) < 100))
  """
  @spec owner_with_room(t(), key(), (String.t() -> as_boolean(term()))) :: String.t() | nil
  def owner_with_room(ring, key, has_room) when is_function(has_room, 1) do
    owner = owner(ring, key)

    cond do
      owner == nil -> nil
      has_room.(owner) -> owner
      true -> room_behind(ring, key, has_room, 1)
    end
  end

  def owner_with_room(_ring, _key, _has_room),
    do: raise(wrong("has_room is a function of the name of a node"))

  defp room_behind(ring, key, has_room, asked) do
    if asked >= size(ring) do
      nil
    else
      owners = owners(ring, key, @asked * asked)

      owners |> Enum.drop(asked) |> Enum.find(has_room) ||
        room_behind(ring, key, has_room, length(owners))
    end
  end

  @doc "The slot of a key; `nil` in the profiles that have none."
  @spec slot(t(), key()) :: non_neg_integer() | nil
  def slot(%__MODULE__{native: native}, key) when is_key(key), do: Native.ring_slot(native, key)
  def slot(%__MODULE__{native: native}, key), do: Native.ring_slot_large(native, key)

  @doc "How many slots there are; 0 in the profiles that have none."
  @spec slots(t()) :: non_neg_integer()
  def slots(%__MODULE__{profile: {:slots, slots, _slack}}), do: slots
  def slots(%__MODULE__{}), do: 0

  @doc "How keys are placed: `{:slots, 65_536, 50}`, say, or `:ketama`."
  @spec profile(t()) :: placement()
  def profile(%__MODULE__{profile: profile}), do: profile

  @doc "The slots of a node, in order."
  @spec slots_of(t(), name()) :: [non_neg_integer()]
  def slots_of(%__MODULE__{native: native}, name), do: Native.ring_slots_of(native, name)

  @doc "The nodes of a slot, the owner first; as many as there are replicas."
  @spec slot_owners(t(), non_neg_integer()) :: [String.t()]
  def slot_owners(%__MODULE__{native: native}, slot), do: Native.ring_slot_owners(native, slot)

  @doc """
  All ranges of the ring in order, as large as they can be: `{first, last, owner}`, in numbers of
  slots or of points.
  """
  @spec ranges(t()) :: [{non_neg_integer(), non_neg_integer(), String.t()}]
  def ranges(%__MODULE__{native: native}), do: Native.ring_ranges(native)

  @doc """
  Up to `count` other nodes that own the places behind the first one of a node: its first slot, or
  the point that is made for it first. None if it owns nothing.
  """
  @spec next(t(), name(), non_neg_integer()) :: [String.t()]
  def next(%__MODULE__{native: native}, name, count), do: Native.ring_next(native, name, count)

  @doc "As `next/3`, before that place, the nearest first."
  @spec previous(t(), name(), non_neg_integer()) :: [String.t()]
  def previous(%__MODULE__{native: native}, name, count),
    do: Native.ring_previous(native, name, count)

  @doc "Up to `count` different nodes that own the places before a key, the nearest first."
  @spec owners_before(t(), key(), non_neg_integer()) :: [String.t()]
  def owners_before(%__MODULE__{native: native}, key, count),
    do: Native.ring_owners_before(native, key, count)

  @doc """
  How much of all keys each node has, from 0 to 1, and what its weight entitles it to, in the order
  of their names: `{name, share, ideal}`.
  """
  @spec balance(t()) :: [{String.t(), share :: float(), ideal :: float()}]
  def balance(%__MODULE__{native: native}), do: Native.ring_balance(native)

  @doc "The names of those that own something, in order."
  @spec names(t()) :: [String.t()]
  def names(%__MODULE__{names: names}), do: tl(Tuple.to_list(names))

  @doc "How many nodes own something."
  @spec size(t()) :: non_neg_integer()
  def size(%__MODULE__{names: names}), do: tuple_size(names) - 1

  @doc "All nodes, also those that are excluded, in the order of their names."
  @spec nodes(t()) :: [RingNode.t()]
  def nodes(%__MODULE__{native: native}) do
    for {name, weight, zone} <- Native.ring_nodes(native) do
      %RingNode{name: name, weight: weight, zone: if(zone != "", do: zone)}
    end
  end

  @doc "Owners of a key that are found without a search."
  @spec replicas(t()) :: 1..255
  def replicas(%__MODULE__{native: native}), do: elem(Native.ring_overrides(native), 3)

  @doc "Whether what stands between `{` and `}` in a key places it."
  @spec hash_tags?(t()) :: boolean()
  def hash_tags?(%__MODULE__{native: native}), do: elem(Native.ring_overrides(native), 4)

  @doc "The names of those that own nothing, whether they are in the ring or not."
  @spec excluded(t()) :: [String.t()]
  def excluded(%__MODULE__{native: native}), do: elem(Native.ring_overrides(native), 0)

  @doc "The keys that are given to a node."
  @spec pins(t()) :: %{optional(key()) => String.t()}
  def pins(%__MODULE__{native: native}), do: Map.new(elem(Native.ring_overrides(native), 1))

  @doc "The beginnings of keys that are given to a node."
  @spec pin_prefixes(t()) :: %{optional(key()) => String.t()}
  def pin_prefixes(%__MODULE__{native: native}),
    do: Map.new(elem(Native.ring_overrides(native), 2))

  @doc """
  The same in two rings exactly if they place all keys alike, but for one in 2^64: a hash of what
  the ring is made from, in 64 bits.
  """
  @spec fingerprint(t()) :: non_neg_integer()
  def fingerprint(%__MODULE__{fingerprint: fingerprint}), do: fingerprint

  @doc """
  Which of a node's rings it is: `Chinwag.ring/1` counts them from 1, each node for itself. 0 for a
  ring that was made by hand. Of rings of several nodes, compare the `fingerprint/1`.
  """
  @spec version(t()) :: non_neg_integer()
  def version(%__MODULE__{version: version}), do: version

  @doc "Whether both are made from the same."
  @spec equal?(t(), t()) :: boolean()
  def equal?(%__MODULE__{fingerprint: one}, %__MODULE__{fingerprint: other}) when one != other,
    do: false

  def equal?(%__MODULE__{native: one}, %__MODULE__{native: other}),
    do: Native.ring_equal(one, other)

  @doc "What the ring is made from, as bytes: the same in every language."
  @spec to_bytes(t()) :: binary()
  def to_bytes(%__MODULE__{native: native}), do: Native.ring_to_bytes(native)

  @doc "What the ring is made from, as JSON in one line."
  @spec to_json(t()) :: String.t()
  def to_json(%__MODULE__{native: native}), do: Native.ring_to_json(native)

  @doc """
  The bucket of a key among `buckets` that are only ever added and removed at the end: jump
  consistent hash, for those who count shards and have no names for them. `nil` without a bucket.

      iex> Chinwag.Ring.jump("user:42", 1)
      0
  """
  @spec jump(key(), non_neg_integer()) :: non_neg_integer() | nil
  def jump(key, buckets) when is_key(key), do: Native.ring_jump(key, buckets)
  def jump(key, buckets), do: Native.ring_jump_large(key, buckets)

  # Options as steps. The core judges what is in them.
  defp steps(options) do
    Enum.reduce_while(options, {:ok, []}, fn option, {:ok, steps} ->
      case option(option) do
        {:ok, more} -> {:cont, {:ok, steps ++ more}}
        wrong -> {:halt, wrong}
      end
    end)
  end

  defp option({kind, _} = step) when kind in [:profile, :replicas, :hash_tags], do: {:ok, [step]}
  defp option({:pins, pins}), do: each(:pin, pins, "pins")
  defp option({:pin_prefixes, pins}), do: each(:pin_prefix, pins, "pin_prefixes")
  defp option({:excluded, names}), do: each(:exclude, names, "excluded")
  defp option({other, _}), do: bad("a ring has no option #{inspect(other)}")
  defp option(_other), do: bad("the options of a ring are a keyword list")

  defp each(kind, all, what) do
    with {:ok, list} <- listed(all, what), do: {:ok, for(one <- list, do: {kind, one})}
  end

  @doc false
  # What may be decided by hand, as steps.
  def overrides(overrides) do
    with {:ok, overrides} <- listed(overrides, "overrides") do
      case Enum.find(overrides, &(not match?({kind, _} when kind in @overrides, &1))) do
        nil -> steps(overrides)
        other -> bad("overrides are excluded, pins and pin_prefixes, not #{inspect(other)}")
      end
    end
  end

  # Profile, slots and slack are one step.
  defp shaped(options, default) do
    {shape, rest} = Enum.split_with(options, &match?({key, _} when key in @shape, &1))
    profile = Keyword.get(shape, :profile, default)

    cond do
      shape == [] ->
        {:ok, rest}

      profile == nil ->
        bad("slots and slack are given together with a profile")

      true ->
        {:ok, [{:profile, {profile, shape[:slots], shape[:slack]}} | rest]}
    end
  end

  defp listed(list, _what) when is_list(list) and length(list) >= 0, do: {:ok, list}

  defp listed(other, what) do
    if is_list(other) or is_function(other) or Enumerable.impl_for(other) == nil,
      do: bad("#{what} are a list, or something else that can be enumerated"),
      else: {:ok, Enum.to_list(other)}
  end

  # The native side looks at the end of a list itself.
  @doc false
  def listed!(list) when is_list(list), do: list

  def listed!(other) do
    case listed(other, "keys") do
      {:ok, list} -> list
      {:error, error} -> raise error
    end
  end

  defp build(before, steps), do: made(Native.ring_build(before, steps))

  defp made({:ok, told}), do: {:ok, told(told)}
  defp made({:error, _} = wrong), do: wrong

  @doc false
  # As the native side tells of a ring.
  def told({native, weight, names, fingerprint, profile, version}) do
    %__MODULE__{
      native: native,
      weight: weight,
      names: names,
      fingerprint: fingerprint,
      profile: profile,
      version: version
    }
  end

  defp bad(message), do: {:error, wrong(message)}
  defp wrong(message), do: Error.new(:bad_argument, message)

  defimpl Inspect do
    def inspect(%{names: names, fingerprint: fingerprint, profile: profile}, _options) do
      hex =
        fingerprint |> Integer.to_string(16) |> String.downcase() |> String.pad_leading(16, "0")

      "#Chinwag.Ring<#{tuple_size(names) - 1} nodes, #{placed(profile)}, #{hex}>"
    end

    defp placed({:slots, count, _slack}), do: "#{count} slots"
    defp placed(profile), do: Atom.to_string(profile)
  end
end
