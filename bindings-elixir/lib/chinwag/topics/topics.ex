defmodule Chinwag.Topics do
  @moduledoc """
  What is published on a topic comes to all who subscribe to it, on whatever members they are and
  in whatever language. All of these functions are functions of `Chinwag`.

      :ok = Chinwag.subscribe(MyApp.Mesh, {:topic, "orders.created"})
      {:ok, _members} = Chinwag.publish(MyApp.Mesh, "orders.created", %{id: 7, total: 12.5})

      def handle_info({:chinwag, mesh, {:message, "orders.created", %{"id" => id}, meta}}, state)

  A topic has 1 to 64 letters, digits and `._:/-`, and stands for itself alone. What is published
  comes at most once, in order from one member to one subscriber. Nothing is stored for who
  subscribes later, or so lately that the publisher has not heard of it.

  `meta` is a map:

    * `sender` - the name of the member that published it
    * `headers` - what it sent along
    * `queue` - of the subscription, or `nil`
    * `missed` - how many before it this subscription has missed since the last one, because the
      process was slow

  A payload comes as `Chinwag.call/5` has it, whatever the codec; one that cannot be read comes as
  the `Chinwag.Error` that says why.
  """

  import Chinwag.Operation

  alias Chinwag.{Codec, Error, Feed, Messages, Native, Node, Telemetry}

  @behaviour Feed

  @typedoc "What a subscriber gets inside `{:chinwag, mesh, message}`."
  @type message :: {:message, topic :: String.t(), payload :: term(), meta()}

  @type meta :: %{
          sender: String.t(),
          headers: %{String.t() => String.t()},
          queue: String.t() | nil,
          missed: non_neg_integer()
        }

  @type publish_option ::
          {:headers, Messages.headers()} | {:codec, Messages.codec()} | {:latest, boolean()}

  @type subscribe_option :: {:queue, String.t() | nil} | {:buffer, pos_integer()}

  @doc """
  Sends something to all who subscribe to a topic, on this member too; to how many members it was
  sent. It never waits: what there is no room for on the way to one member is dropped there and
  counted, and the others get it.

    * `latest: true` - while it waits to be sent, a newer one of the topic takes its place
    * `headers:`, `codec:` - as for `Chinwag.call/5`

  Errors: `:bad_argument` for what is no name of a topic, `:too_large`, `:codec`, `:closed`.
  Nothing was sent then.
  """
  @spec publish(Chinwag.mesh(), String.t(), Messages.value(), [publish_option()]) ::
          {:ok, non_neg_integer()} | {:error, Error.t()}
  def publish(mesh, topic, payload \\ nil, options \\ []) do
    options = Keyword.validate!(options, headers: [], codec: :msgpack, latest: false)

    Telemetry.operation(mesh, :publish, fn ->
      with {:ok, native} <- Node.fetch(mesh),
           {:ok, payload} <- Codec.encode(payload, options[:codec]),
           do: Native.publish(native, {topic, payload, options[:headers]}, options[:latest])
    end)
  end

  @doc "As `publish/4`; raises `Chinwag.Error`."
  @spec publish!(Chinwag.mesh(), String.t(), Messages.value(), [publish_option()]) ::
          non_neg_integer()
  def publish!(mesh, topic, payload \\ nil, options \\ []),
    do: mesh |> publish(topic, payload, options) |> bang!()

  @doc "Which members have subscribers of a topic, in the order of their names."
  @spec subscribers(Chinwag.mesh(), String.t()) :: [String.t()]
  def subscribers(mesh, topic),
    do: mesh |> native!() |> Native.topic_subscribers(topic) |> read!()

  @doc "Every topic that somebody subscribes to, and how many members do."
  @spec topics(Chinwag.mesh()) :: %{String.t() => pos_integer()}
  def topics(mesh), do: mesh |> native!() |> Native.topic_list() |> read!() |> Map.new()

  @doc false
  # What `Chinwag.subscribe/3` does for a topic.
  def subscribe(mesh, topic, options) do
    %{queue: queue, buffer: buffer} =
      options |> Keyword.validate!(queue: nil, buffer: 1_024) |> Map.new()

    Feed.start(mesh, __MODULE__, {topic, queue}, {topic, queue, buffer})
  end

  @doc false
  def unsubscribe(mesh, topic, options) do
    [queue: queue] = Keyword.validate!(options, queue: nil)
    Feed.stop(mesh, __MODULE__, {topic, queue})
  end

  @impl Feed
  @doc false
  def open(native, {topic, queue, buffer}),
    do: Native.guarded(fn -> Native.topic_subscribe(native, topic, queue, buffer) end)

  @impl Feed
  @doc false
  def take(subscriber, {topic, queue, _buffer}, max) do
    {published, next} = Native.topic_take(subscriber, max)
    {Enum.map(published, &message(&1, topic, queue)), next}
  end

  @impl Feed
  @doc false
  def close(subscriber), do: Native.topic_close(subscriber)

  defp message({payload, {sender, headers, missed}}, topic, queue) do
    meta = %{sender: sender, headers: Map.new(headers), queue: queue, missed: missed}

    case Codec.decode(payload) do
      {:ok, value} -> {:message, topic, value, meta}
      {:error, error} -> {:message, topic, error, meta}
    end
  end
end
