defmodule Chinwag.OperationsTest do
  use Chinwag.Case, async: true

  # Accepts connections and never answers.
  defp silent_seed do
    {:ok, listener} = :gen_tcp.listen(0, [:binary, ip: {127, 0, 0, 1}, active: false])
    {:ok, port} = :inet.port(listener)
    on_exit(fn -> :gen_tcp.close(listener) end)
    "127.0.0.1:#{port}"
  end

  test "join, and join again after leave" do
    seed = node!(__MODULE__.A)
    node!(__MODULE__.B)
    assert {:ok, 1} = Chinwag.join(__MODULE__.B, [seed])
    eventually(fn -> length(Chinwag.members(__MODULE__.A)) == 2 end)
    assert :ok = Chinwag.leave(__MODULE__.B)
    assert :ok = Chinwag.leave(__MODULE__.B)
    assert 1 = Chinwag.join!(__MODULE__.B, [seed, "127.0.0.1:1"])
    eventually(fn -> match?(%{state: :alive}, Chinwag.member(__MODULE__.A, "b")) end)
  end

  test "a join that reaches nobody lists every seed and cause" do
    node!(__MODULE__.Lonely)
    seeds = ["127.0.0.1:1", "127.0.0.1:notaport"]
    assert {:error, %Error{code: :join_failed} = error} = Chinwag.join(__MODULE__.Lonely, seeds)
    assert error.retryable
    assert error.attempts |> Enum.map(&elem(&1, 0)) |> Enum.sort() == Enum.sort(seeds)
    assert_raise Error, ~r/^join_failed: /, fn -> Chinwag.join!(__MODULE__.Lonely, seeds) end
  end

  test "tags are merged, removed, replaced, and refused when too large" do
    mesh = __MODULE__.Tags
    node!(mesh, tags: [role: "web", canary: "yes"])
    tags = fn -> Chinwag.local_member(mesh).tags end
    assert :ok = Chinwag.update_tags(mesh, role: "draining", canary: nil)
    assert tags.() == %{"role" => "draining"}
    assert :ok = Chinwag.update_tags!(mesh, %{"zone" => "ä"})
    assert tags.() == %{"role" => "draining", "zone" => "ä"}

    assert {:error, %Error{code: :too_large} = error} =
             Chinwag.update_tags(mesh, big: String.duplicate("x", 600))

    assert error.message =~ ~s("big")
    assert tags.() == %{"role" => "draining", "zone" => "ä"}
    assert :ok = Chinwag.set_tags(mesh, %{only: "this"})
    assert tags.() == %{"only" => "this"}
    assert :ok = Chinwag.set_meta(mesh, <<1, 2, 3>>)
    assert %{meta: <<1, 2, 3>>, tags: tags} = Chinwag.local_member(mesh)
    assert tags == %{}
    assert_raise Error, fn -> Chinwag.set_meta!(mesh, String.duplicate("x", 513)) end
    assert_raise Error, fn -> Chinwag.set_tags!(mesh, %{"a" => String.duplicate("x", 600)}) end
    assert_raise Error, fn -> Chinwag.update_tags!(mesh, a: String.duplicate("x", 600)) end
  end

  test "malformed arguments change nothing" do
    mesh = __MODULE__.Malformed
    node!(mesh, tags: [role: "web"])

    for outcome <- [
          Chinwag.update_tags(mesh, %{"a" => 1}),
          Chinwag.update_tags(mesh, %{1 => "a"}),
          Chinwag.update_tags(mesh, <<1>>),
          Chinwag.update_tags(mesh, %{"a" => <<255>>}),
          Chinwag.set_tags(mesh, role: nil),
          Chinwag.set_meta(mesh, :no),
          Chinwag.join(mesh, "127.0.0.1:1"),
          Chinwag.join(mesh, [1]),
          Chinwag.leave(mesh, -1),
          Chinwag.leave(mesh, :infinity)
        ] do
      assert {:error, %Error{code: :bad_argument, retryable: false}} = outcome
    end

    assert Chinwag.local_member(mesh).tags == %{"role" => "web"}
    assert [%{state: :alive}] = Chinwag.members(mesh)
  end

  test "an operation that times out leaves nothing in the mailbox" do
    mesh = __MODULE__.Slow
    node!(mesh, tcp_timeout: 300)
    seed = silent_seed()

    assert {:error, %Error{code: :timeout, number: 6, retryable: true}} =
             Chinwag.join(mesh, [seed], 20)

    # The next join ends after the first one would have answered.
    assert {:error, %Error{code: :join_failed}} = Chinwag.join(mesh, [seed])
    assert {:message_queue_len, 0} = Process.info(self(), :message_queue_len)
    refute_received _
  end

  test "a join that times out closes its connection" do
    mesh = __MODULE__.GivenUp
    node!(mesh, tcp_timeout: 60_000)
    {:ok, listener} = :gen_tcp.listen(0, [:binary, active: false, ip: {127, 0, 0, 1}])
    {:ok, port} = :inet.port(listener)
    seed = "127.0.0.1:#{port}"
    assert {:error, %Error{code: :timeout}} = Chinwag.join(mesh, [seed], 200)
    {:ok, socket} = :gen_tcp.accept(listener, 10_000)
    {:ok, _state} = :gen_tcp.recv(socket, 0, 10_000)
    assert {:error, :closed} = :gen_tcp.recv(socket, 0, 10_000)
  end

  test "a close settles what is under way" do
    mesh = __MODULE__.Closing
    node!(mesh, tcp_timeout: 20_000)
    seed = silent_seed()
    pending = Task.async(fn -> Chinwag.join(mesh, [seed]) end)
    eventually(fn -> Process.info(pending.pid, :status) == {:status, :waiting} end)
    :ok = stop_supervised(mesh)
    assert {:error, %Error{code: :closed}} = Task.await(pending)
  end

  test "many at a time, from many processes" do
    mesh = __MODULE__.Busy
    node!(mesh)

    1..200
    |> Task.async_stream(fn i -> Chinwag.update_tags(mesh, n: "#{i}") end, max_concurrency: 50)
    |> Enum.each(fn outcome -> assert outcome == {:ok, :ok} end)

    assert %{"n" => _} = Chinwag.local_member(mesh).tags
  end

  # Lets in who has the tag, and tells the others why not.
  defp doorman(mesh) do
    receive do
      {:chinwag, ^mesh, {:admission, %{id: id, member: %Member{tags: %{"team" => "ours"}}}}} ->
        :ok = Chinwag.admit(mesh, id)

      {:chinwag, ^mesh, {:admission, %{id: id, member: %Member{name: name}}}} ->
        :ok = Chinwag.refuse!(mesh, id, "#{name} is not of our team")

      {:chinwag, ^mesh, _event} ->
        :ok
    end

    doorman(mesh)
  end

  test "newcomers are let in, or are told why not" do
    [gate, friend, stranger] =
      for name <- [Gate, Friend, Stranger], do: Module.concat([__MODULE__, Doors, name])

    patient = [tcp_timeout: 10_000]
    seed = node!(gate, [admission: :ask] ++ patient)
    test = self()

    spawn_link(fn ->
      :ok = Chinwag.subscribe(gate)
      send(test, :at_the_door)
      doorman(gate)
    end)

    assert_receive :at_the_door
    node!(stranger, patient)
    assert {:error, %Error{code: :not_admitted} = error} = Chinwag.join(stranger, [seed])
    assert error.message =~ "stranger is not of our team"
    node!(friend, [tags: [team: "ours"]] ++ patient)
    assert {:ok, 1} = Chinwag.join(friend, [seed])
    eventually(fn -> Enum.map(Chinwag.members(gate), & &1.name) == ["friend", "gate"] end)

    for outcome <- [
          Chinwag.admit(gate, 1_000_000),
          Chinwag.refuse(gate, 1_000_000, "why"),
          Chinwag.admit(gate, -1),
          Chinwag.admit(gate, nil),
          Chinwag.refuse(gate, "1", "why"),
          Chinwag.refuse(gate, 1, 5)
        ] do
      assert {:error, %Error{code: :bad_argument}} = outcome
    end

    assert_raise Error, fn -> Chinwag.admit!(gate, 1_000_000) end
    :ok = stop_supervised(gate)
    assert {:error, %Error{code: :closed}} = Chinwag.admit(gate, 1)
    assert {:error, %Error{code: :closed}} = Chinwag.refuse(gate, 1, "why")
  end

  test "without a node, reads raise and operations return closed" do
    assert_raise Error, ~r/^closed: no node .*Nobody is running/, fn ->
      Chinwag.members(__MODULE__.Nobody)
    end

    assert {:error, %Error{code: :closed}} = Chinwag.join(__MODULE__.Nobody, [])
    assert {:error, %Error{code: :closed}} = Chinwag.leave(__MODULE__.Nobody)
    assert {:error, %Error{code: :closed}} = Chinwag.subscribe(__MODULE__.Nobody)
    assert_raise Error, fn -> Chinwag.leave!(__MODULE__.Nobody) end
    assert :ok = Chinwag.unsubscribe(__MODULE__.Nobody)
    assert :ok = Chinwag.close(__MODULE__.Nobody)
  end
end
