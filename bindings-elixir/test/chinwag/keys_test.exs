defmodule Chinwag.KeysTest do
  use Chinwag.Case, async: true

  alias Chinwag.Config

  # Base64 of 16 bytes, and of 32.
  @old "MDEyMzQ1Njc4OWFiY2RlZg=="
  @new "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
  @cookie "correct horse battery"
  defp names(test, names), do: for(name <- names, do: Module.concat([__MODULE__, test, name]))

  # As Elixir shows it, and as Erlang does: all of it.
  defp shown(term), do: [inspect(term, limit: :infinity), :io_lib.format(~c"~0tp", [term])]

  defp assert_hidden(term) do
    for text <- shown(term), secret <- [@old, @new, "horse"] do
      refute to_string(text) =~ secret
    end
  end

  test "neither a supervisor nor a node holds what shows a secret" do
    [mesh, other] = names(Shown, [A, B])

    for secret <- [[keys: [@old, @new]], [keys: @old], [cookie: @cookie]] do
      child = {Chinwag, options(mesh, secret)}
      assert_hidden(Chinwag.child_spec(options(mesh, secret)))
      {:ok, supervisor} = Supervisor.start_link([child], strategy: :one_for_one)
      assert_hidden(:sys.get_status(supervisor))
      assert_hidden(:supervisor.get_childspec(supervisor, mesh))
      assert_hidden(:sys.get_status(Process.whereis(mesh)))
      :ok = Supervisor.stop(supervisor)
    end

    Process.flag(:trap_exit, true)

    log =
      ExUnit.CaptureLog.capture_log(fn ->
        {:ok, pid} = Chinwag.start_link(options(other, keys: [@old, @new]))
        Process.exit(pid, :on_purpose)
        assert_receive {:EXIT, ^pid, :on_purpose}
      end)

    assert log =~ "on_purpose"
    assert_hidden(log)

    trace =
      try do
        # No node, and so refused with an exception, as a panic is.
        Chinwag.Native.run(make_ref(), {:add_key, @new}, 0)
      rescue
        error in ArgumentError -> {error, __STACKTRACE__}
      end

    assert {_, [{Chinwag.Native, :submit, 3, _} | _]} = trace
    assert_hidden(trace)

    error = assert_raise ArgumentError, fn -> Chinwag.child_spec(%{name: A, cookie: @cookie}) end
    assert_hidden(error)
    assert_hidden(Config.new(options(mesh, keys: [@old])))
  end

  test "the secrets are those of the option table" do
    manifest = File.read!(Path.expand("../../../api.toml", __DIR__))
    rows = manifest |> String.split("\n\n") |> Enum.filter(&(&1 =~ ~r/^secret = true$/m))
    names = for row <- rows, do: hd(Regex.run(~r/^name = "(.*)"$/m, row, capture: :all_but_first))
    assert names != []
    assert Enum.sort(names) == Enum.sort(Config.secrets())
  end
end
