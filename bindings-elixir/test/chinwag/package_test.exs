defmodule Chinwag.PackageTest do
  # Other projects that depend on this one, compiled from nothing.
  use Chinwag.Case, async: true

  @root Path.expand("../..", __DIR__)
  # Mix compiles dependencies for production: a release build, which may be the first.
  @moduletag timeout: 900_000

  setup do
    project =
      Path.join(System.tmp_dir!(), "chinwag-package-#{System.unique_integer([:positive])}")

    File.mkdir_p!(Path.join(project, "lib"))
    on_exit(fn -> File.rm_rf!(project) end)

    File.write!(Path.join(project, "mix.exs"), """
    defmodule Dependent.MixProject do
      use Mix.Project
      def project, do: [app: :dependent, version: "1.0.0", deps: [{:chinwag, path: "#{@root}"}]]
      def application, do: [mod: {Dependent, []}]
    end
    """)

    File.write!(Path.join(project, "lib/dependent.ex"), """
    defmodule Dependent do
      use Application

      def start(_type, _arguments) do
        children = [{Chinwag, name: Dependent.Mesh, node: "dependent", bind: "127.0.0.1:0"}]
        Supervisor.start_link(children, strategy: :one_for_one)
      end
    end
    """)

    {:ok, project: project}
  end

  # As in a shell of its own: nothing of this run is inherited.
  defp mix(project, arguments, environment \\ []) do
    clean = for key <- ~w(MIX_ENV MIX_EXS MIX_BUILD_PATH CHINWAG_NIF_PATH), do: {key, nil}

    System.cmd(System.find_executable("mix"), arguments,
      cd: project,
      env: clean ++ environment,
      stderr_to_stdout: true
    )
  end

  @hello ~s|IO.puts("I am " <> Chinwag.local_member(Dependent.Mesh).name)|

  test "a project with a path dependency builds and runs", %{project: project} do
    {output, status} = mix(project, ["run", "-e", @hello])
    assert status == 0, output
    assert output =~ "I am dependent"
    refute output =~ "warning", output
  end

  test "a library that is already built needs no cargo", %{project: project} do
    prebuilt = Path.join(project, "prebuilt.so")
    File.cp!(Application.app_dir(:chinwag, "priv/chinwag_nif.so"), prebuilt)
    # Everything that Mix needs, but no cargo.
    bin = Path.join(project, "bin")
    File.mkdir_p!(bin)

    for program <- ~w(mix elixir erl sh env dirname basename sed expr readlink uname) do
      if found = System.find_executable(program), do: File.ln_s!(found, Path.join(bin, program))
    end

    {output, status} =
      mix(project, ["run", "-e", @hello], [{"CHINWAG_NIF_PATH", prebuilt}, {"PATH", bin}])

    assert status == 0, output
    assert output =~ "I am dependent"

    {output, status} = mix(project, ["deps.compile", "--force", "chinwag"], [{"PATH", bin}])
    assert status != 0
    assert output =~ "cargo was not found: install Rust"
  end

  test "a prebuilt library that is not there is named", %{project: project} do
    {output, status} = mix(project, ["compile"], [{"CHINWAG_NIF_PATH", "/nowhere/nif.so"}])
    assert status != 0
    assert output =~ "/nowhere/nif.so cannot be read: no such file or directory"
  end

  test "the version is the workspace's" do
    manifest = File.read!(Path.join(@root, "../Cargo.toml"))
    [_, version] = Regex.run(~r/^version = "(.*)"$/m, manifest)
    assert Application.spec(:chinwag, :vsn) == to_charlist(version)
  end
end
