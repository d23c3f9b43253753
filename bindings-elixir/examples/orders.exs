# A member that publishes what is typed, and shows what comes on the topics that it subscribes to.
#
#     mix run examples/orders.exs ann -
#     mix run examples/orders.exs bob 127.0.0.1:40123
#
# Then type `subscribe orders`, `subscribe jobs workers`, `publish orders tea`, `topics`, or
# `leave`. Of those in a queue, such as `workers`, one gets each publication.

# A publication is a message to the process that has subscribed.
defmodule Orders.Reader do
  use GenServer

  def start_link(mesh), do: GenServer.start_link(__MODULE__, mesh, name: __MODULE__)
  def subscribe(topic, options), do: GenServer.call(__MODULE__, {:subscribe, topic, options})

  def init(mesh), do: {:ok, mesh}

  def handle_call({:subscribe, topic, options}, _from, mesh),
    do: {:reply, Chinwag.subscribe(mesh, {:topic, topic}, options), mesh}

  def handle_info({:chinwag, mesh, {:message, topic, order, meta}}, mesh) do
    late = if meta.missed > 0, do: " (#{meta.missed} missed)", else: ""
    IO.puts("#{topic} by #{meta.sender}: #{order}#{late}")
    {:noreply, mesh}
  end
end

defmodule Orders.Typed do
  def obey(["subscribe", topic | queue]) do
    options = for name <- queue, do: {:queue, name}
    with :ok <- Orders.Reader.subscribe(topic, options), do: "subscribed to #{topic}"
  end

  def obey(["publish", topic | order]) do
    order = Enum.join(order)
    with {:ok, members} <- Chinwag.publish(Orders.Mesh, topic, order), do: "sent to #{members}"
  end

  def obey(_words) do
    topics = Chinwag.topics(Orders.Mesh)
    Enum.join(["topics" | for({topic, members} <- topics, do: "#{topic}=#{members}")], " ")
  end
end

[name, seed] = System.argv()

options = [
  node: name,
  bind: "127.0.0.1:0",
  seeds: List.delete([seed], "-"),
  profile: System.get_env("CHINWAG_PROFILE", "local"),
  handle_signals: true
]

children = [{Chinwag, [name: Orders.Mesh] ++ options}, {Orders.Reader, Orders.Mesh}]
{:ok, supervisor} = Supervisor.start_link(children, strategy: :rest_for_one)
local = Chinwag.local_member(Orders.Mesh)
IO.puts("ready #{local.name} #{local.addr}")

answer = fn words ->
  case Orders.Typed.obey(words) do
    {:error, error} -> IO.puts(Exception.message(error))
    told -> IO.puts(told)
  end
end

IO.stream()
|> Stream.map(&String.split(String.trim(&1), " ", parts: 3))
|> Stream.take_while(&(&1 != ["leave"]))
|> Enum.each(answer)

Supervisor.stop(supervisor)
