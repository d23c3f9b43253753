defmodule Chinwag.TelemetryTest do
  # Defines the module :telemetry for the whole VM.
  use Chinwag.Case, async: false

  setup do
    Process.register(self(), __MODULE__)

    Code.eval_string("""
    defmodule :telemetry do
      def execute(event, measurements, metadata) do
        if pid = Process.whereis(#{inspect(__MODULE__)}) do
          send(pid, {event, measurements, metadata, self()})
        end
      end
    end
    """)

    on_exit(fn ->
      :code.purge(:telemetry)
      :code.delete(:telemetry)
      :code.purge(:telemetry)
    end)
  end

  test "members and operations are told, when the application has :telemetry" do
    mesh = __MODULE__.A
    seed = node!(mesh)
    owner = Process.whereis(mesh)
    node!(__MODULE__.B, seeds: [seed])
    join = [:chinwag, :member, :join]

    assert_receive {^join, %{count: 1, seq: 1}, %{mesh: ^mesh, member: %Member{name: "b"}},
                    ^owner}

    assert :ok = Chinwag.update_tags(__MODULE__.B, n: "1")
    operation = [:chinwag, :operation, :stop]
    assert_receive {^operation, %{duration: duration}, %{operation: :update_tags, result: :ok}, _}
    assert duration > 0
    update = [:chinwag, :member, :update]

    assert_receive {^update, _, %{member: %{tags: %{"n" => "1"}}, previous: %{tags: %{}}}, _}

    assert {:error, _} = Chinwag.join(__MODULE__.B, ["127.0.0.1:1"])
    assert_receive {^operation, _, %{operation: :join, result: :join_failed}, _}
  end

  test "calls are told, from their start to their end" do
    mesh = __MODULE__.E
    node!(mesh)
    {:ok, _} = Chinwag.serve(mesh, "echo", fn "echo", value -> value end)
    [start, stop, raised] = for type <- [:start, :stop, :exception], do: [:chinwag, :call, type]
    metadata = %{mesh: mesh, target: "echo", op: "echo"}

    assert {:ok, 1} = Chinwag.call(mesh, "echo", "echo", 1)
    assert_receive {^start, %{system_time: _, monotonic_time: begun}, ^metadata, pid}
    assert pid == self()
    assert_receive {^stop, %{duration: duration, monotonic_time: ended}, told, _}
    assert {told, duration} == {Map.put(metadata, :result, :ok), ended - begun}
    assert duration > 0

    assert {:error, _} = Chinwag.call(mesh, "echo", "other")
    assert_receive {^stop, _, %{op: "other", result: :unknown_op}, _}

    assert_raise Protocol.UndefinedError, fn ->
      Chinwag.Telemetry.call(mesh, "echo", "echo", fn -> Enum.count(5) end)
    end

    assert_receive {^raised, %{duration: _}, %{kind: :error, stacktrace: [_ | _]} = told, _}
    assert %Protocol.UndefinedError{} = told.reason
  end

  test "rings and hand-offs are told" do
    mesh = __MODULE__.C
    seed = node!(mesh)
    owner = Process.whereis(mesh)
    Chinwag.ring(mesh)
    node!(__MODULE__.D, seeds: [seed])
    change = [:chinwag, :ring, :change]
    assert_receive {^change, %{count: 1, seq: seq}, %{mesh: ^mesh, change: told}, ^owner}, 10_000
    assert seq > 0
    assert %Chinwag.RingChange{version: 2, local: "c"} = told

    prepare = {:handoff_prepare, %{id: 1, peer: "d", slots: [1, 2], epoch: 3, timeout: 1_500}}
    acquired = {:handoff_acquired, %{peer: "d", slots: [5], epoch: 3, clean: false}}
    for event <- [prepare, acquired], do: :ok = Chinwag.Telemetry.event(mesh, 7, event)
    [prepare, acquired] = for type <- [:prepare, :acquired], do: [:chinwag, :handoff, type]
    assert_received {^prepare, measurements, metadata, _}
    assert measurements == %{count: 1, seq: 7, slots: 2}
    assert metadata == %{mesh: mesh, id: 1, peer: "d", epoch: 3, timeout: 1_500}
    assert_received {^acquired, %{slots: 1}, %{peer: "d", epoch: 3, clean: false}, _}

    assert :ok = Chinwag.set_ring_overrides(mesh, [])
    operation = [:chinwag, :operation, :stop]
    assert_receive {^operation, _, %{operation: :set_ring_overrides, result: :ok}, _}
  end
end
