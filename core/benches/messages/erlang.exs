# Two nodes of distributed Erlang, the one with a GenServer; `client.exs` obeys
# the commands.

defmodule Bench.Echo do
  use GenServer

  @impl true
  def init(nil), do: {:ok, 0}

  @impl true
  def handle_call({:echo, payload}, _from, casts), do: {:reply, payload, casts}
  def handle_call(:count, _from, casts), do: {:reply, casts, casts}

  @impl true
  def handle_cast({:add, _payload}, casts), do: {:noreply, casts + 1}
end

defmodule Bench.Erlang do
  @patience 60_000

  def echo(server, payload) do
    ^payload = GenServer.call(server, {:echo, payload}, @patience)
  end

  def cast(server, payload), do: GenServer.cast(server, {:add, payload})
  def count(server), do: GenServer.call(server, :count, @patience)
end

case System.argv() do
  ["server" | _] ->
    {:ok, _pid} = GenServer.start_link(Bench.Echo, nil, name: :echo)
    IO.puts(~s({"address":"#{node()}"}))
    Process.sleep(:infinity)

  ["client", address] ->
    server = String.to_atom(address)
    true = Node.connect(server)
    otp = :erlang.system_info(:otp_release)
    IO.puts(~s({"runtime":"Erlang/OTP #{otp}, GenServer, Elixir #{System.version()}"}))
    Bench.Client.run({Bench.Erlang, {:echo, server}})
end
