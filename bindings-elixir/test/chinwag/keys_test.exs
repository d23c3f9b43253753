defmodule Chinwag.KeysTest do
  use Chinwag.Case, async: true

  alias Chinwag.{Config, KeyOutcome}

  # Base64 of 16 bytes, and of 32.
  @old "MDEyMzQ1Njc4OWFiY2RlZg=="
  @new "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
  @cookie "correct horse battery"
  # A slow machine has time enough: none of these tests waits for it.
  @patient [tcp_timeout: 10_000, gossip_interval: 200]

  defp names(test, names), do: for(name <- names, do: Module.concat([__MODULE__, test, name]))

  defp folder! do
    folder = Path.join(System.tmp_dir!(), "chinwag-keys-#{System.unique_integer([:positive])}")
    File.mkdir_p!(folder)
    on_exit(fn -> File.rm_rf!(folder) end)
    folder
  end

  defp code({:error, %Error{code: code, message: message}}) do
    refute message =~ @old
    refute message =~ @new
    refute message =~ "hunter2"
    code
  end

  # As Elixir shows it, and as Erlang does: all of it.
  defp shown(term), do: [inspect(term, limit: :infinity), :io_lib.format(~c"~0tp", [term])]

  defp assert_hidden(term) do
    for text <- shown(term), secret <- [@old, @new, "horse"] do
      refute to_string(text) =~ secret
    end
  end

  test "two members under one key, in whichever way it is given" do
    file = Path.join(folder!(), "keys")
    File.write!(file, "# ours\n#{@old}\n")
    File.chmod!(file, 0o600)

    for options <- [
          [keys: [@old]],
          [keys: @old],
          [keys: fn -> [@old] end],
          [key_file: file],
          [cookie: @cookie],
          [cookie: fn -> @cookie end]
        ] do
      [a, b] = names(Alike, [A, B])
      pair!(a, b, options ++ @patient)
      assert [%{fingerprint: fingerprint, bits: bits, primary: true} = key] = Chinwag.keys(a)
      assert fingerprint =~ ~r/^[0-9a-f]{8}$/
      assert bits == if(options[:cookie], do: 256, else: 128)
      assert Chinwag.keys(b) == [key]
      :ok = stop_supervised(b)
      :ok = stop_supervised(a)
    end
  end

  test "another key, and none, are refused with key_mismatch, and the other side warns" do
    [a, b, c, plain] = names(Refused, [A, B, C, Plain])
    seed = node!(a, [keys: [@old]] ++ @patient)
    :ok = Chinwag.subscribe(a)
    node!(b, [keys: [@new]] ++ @patient)
    assert code(Chinwag.join(b, [seed])) == :key_mismatch
    assert_receive {:chinwag, ^a, {:warning, %{code: :key_mismatch}}}
    assert_raise Error, ~r/^key_mismatch: .*another key/, fn -> Chinwag.join!(b, [seed]) end

    node!(plain, @patient)
    assert code(Chinwag.join(plain, [seed])) == :key_mismatch
    assert Chinwag.keys(plain) == []
    assert_receive {:chinwag, ^a, {:warning, %{code: :plaintext_refused}}}

    Process.flag(:trap_exit, true)
    options = [cookie: @cookie, seeds: [seed], require_join: true] ++ @patient
    assert code(Chinwag.start_link(options(c, options))) == :key_mismatch
    assert [%Member{name: "a"}] = Chinwag.members(a)
  end

  test "a node's keys are changed by base64 and by fingerprint" do
    [a, b, plain] = names(Ring, [A, B, Plain])
    seed = node!(a, [keys: [@old]] ++ @patient)
    [%{fingerprint: old}] = Chinwag.keys(a)
    assert :ok = Chinwag.add_key(a, @new)
    assert [%{fingerprint: ^old, primary: true}, %{bits: 256, primary: false}] = Chinwag.keys(a)
    assert code(Chinwag.remove_key(a, old)) == :bad_argument
    assert :ok = Chinwag.use_key!(a, @new)
    assert [%{fingerprint: new, primary: true}, %{fingerprint: ^old}] = Chinwag.keys(a)
    assert :ok = Chinwag.use_key(a, old)
    assert :ok = Chinwag.use_key(a, new)
    assert :ok = Chinwag.remove_key!(a, old)
    assert [%{fingerprint: ^new}] = Chinwag.keys(a)

    # It is more than a list: only who has the new key gets in.
    node!(b, [keys: [@old]] ++ @patient)
    assert code(Chinwag.join(b, [seed])) == :key_mismatch
    assert :ok = Chinwag.add_key!(b, @new)
    assert :ok = Chinwag.use_key(b, @new)
    assert {:ok, 1} = Chinwag.join(b, [seed])

    node!(plain, @patient)

    for outcome <- [
          Chinwag.add_key(a, "hunter2"),
          Chinwag.add_key(a, "aHVudGVyMg=="),
          Chinwag.add_key(a, new),
          Chinwag.add_key(a, nil),
          Chinwag.add_key(a, <<255, "hunter2">>),
          Chinwag.use_key(a, @old),
          Chinwag.use_key(a, "00000000"),
          Chinwag.use_key(a, {"hunter2"}),
          Chinwag.remove_key(a, old),
          Chinwag.remove_key(a, ["hunter2"]),
          Chinwag.add_key(plain, @new),
          Chinwag.use_key(plain, @new),
          Chinwag.remove_key(plain, @new)
        ] do
      assert code(outcome) == :bad_argument
    end

    assert_raise Error, ~r/^bad_argument: /, fn -> Chinwag.add_key!(a, "hunter2") end
    assert [%{fingerprint: ^new}] = Chinwag.keys(a)
  end

  test "the key of a cluster is changed through the cluster" do
    [a, b, late, old] = names(Cluster, [A, B, Late, Old])
    pair!(a, b, [keys: [@old], delegate_versions: "2,5,5"] ++ @patient)

    all = fn operation, key ->
      eventually(fn ->
        outcomes = Chinwag.cluster_keys!(a, operation, key)
        map_size(outcomes) == 2 and Enum.all?(outcomes, fn {_, told} -> told.done end) && outcomes
      end)
    end

    assert %{"a" => %KeyOutcome{done: true, keys: []}, "b" => _} = all.(:install, @new)
    # A second one at the same time would be refused.
    assert %{"a" => %{primary: @old}, "b" => listed} = all.(:list, nil)
    assert %KeyOutcome{primary: @old} = listed
    assert Enum.sort(listed.keys) == Enum.sort([@old, @new])
    assert inspect(listed) == ~s(#Chinwag.KeyOutcome<done: true, message: "", keys: 2>)
    all.(:use, @new)
    all.(:remove, @old)
    assert %{"a" => %{primary: @new, keys: [@new]}, "b" => told} = all.(:list, nil)
    assert told == %KeyOutcome{done: true, primary: @new, keys: [@new]}
    assert [%{bits: 256, primary: true}] = Chinwag.keys(b)

    # Not everybody has to succeed for an answer to come.
    assert %{"a" => outcome, "b" => _} = Chinwag.cluster_keys!(a, :use, @old)
    assert %KeyOutcome{done: false, message: message} = outcome
    assert message != ""

    node!(late, [keys: [@new]] ++ @patient)
    assert {:ok, 1} = Chinwag.join(late, [addr(b)])
    node!(old, [keys: [@old]] ++ @patient)
    assert code(Chinwag.join(old, [addr(b)])) == :key_mismatch

    for outcome <- [
          Chinwag.cluster_keys(a, :rotate, @new),
          Chinwag.cluster_keys(a, nil, @new),
          Chinwag.cluster_keys(a, {:install}, @new),
          Chinwag.cluster_keys(a, :install),
          Chinwag.cluster_keys(a, :install, "hunter2"),
          Chinwag.cluster_keys(a, :install, {"hunter2"}),
          Chinwag.cluster_keys(a, :list, @new)
        ] do
      assert code(outcome) == :bad_argument
    end

    assert_raise Error, fn -> Chinwag.cluster_keys!(a, :install, "hunter2") end
  end

  test "without serf's versions, and without a node" do
    [alone, nobody] = names(Without, [Alone, Nobody])
    node!(alone, keys: [@old])
    assert code(Chinwag.cluster_keys(alone, :list)) == :unsupported

    for outcome <- [
          Chinwag.add_key(nobody, @old),
          Chinwag.use_key(nobody, @old),
          Chinwag.remove_key(nobody, @old),
          Chinwag.cluster_keys(nobody, :list)
        ] do
      assert code(outcome) == :closed
    end

    assert_raise Error, ~r/^closed: /, fn -> Chinwag.keys(nobody) end
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

  test "a node that is started again asks for its keys again" do
    [mesh] = names(Again, [A])
    ring = start_supervised!({Agent, fn -> [@old] end})
    node!(mesh, keys: fn -> Agent.get(ring, & &1) end)
    [old] = Chinwag.keys(mesh)
    :ok = Agent.update(ring, fn _ -> [@new] end)
    Process.exit(Process.whereis(mesh), :kill)

    # Without a node, for a moment, it raises.
    keys = fn ->
      with {:ok, native} <- Chinwag.Node.fetch(mesh), do: Chinwag.Native.keys(native)
    end

    eventually(fn -> match?([%{bits: 256}], keys.()) end)
    [new] = Chinwag.keys(mesh)
    refute new.fingerprint == old.fingerprint

    Process.flag(:trap_exit, true)

    for keys <- [fn -> 5 end, fn -> "hunter2" end, fn _ -> [@old] end] do
      options = options(Module.concat(mesh, Bad), keys: keys)
      assert code(Chinwag.start_link(options)) == :bad_config
    end
  end
end
