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
end
