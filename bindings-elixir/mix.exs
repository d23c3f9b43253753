defmodule Chinwag.MixProject do
  use Mix.Project

  def project do
    [
      app: :chinwag,
      version: "0.1.0",
      elixir: "~> 1.14",
      description: "One cluster, every runtime: membership, placement, messages and history.",
      compilers: [:chinwag_nif] ++ Mix.compilers(),
      elixirc_paths: if(Mix.env() == :test, do: ["lib", "test/support"], else: ["lib"]),
      start_permanent: Mix.env() == :prod,
      deps: []
    ]
  end

  def application do
    [extra_applications: [:logger]]
  end
end

defmodule Mix.Tasks.Compile.ChinwagNif do
  @moduledoc """
  Builds the native part with Cargo and puts it into the application's `priv`, one in each build
  directory: environments and projects do not overwrite each other's. In `MIX_ENV=prod`, which is
  also what Mix compiles dependencies in, it is a release build.

  Set `CHINWAG_NIF_PATH` to the path of a library that is already built, and Cargo is not needed.
  """
  use Mix.Task.Compiler

  @crate Path.join(__DIR__, "native/chinwag_nif")

  @impl true
  def run(_args) do
    library = System.get_env("CHINWAG_NIF_PATH") || build()
    {install(library, target()), []}
  end

  @impl true
  def clean do
    File.rm(target())
    :ok
  end

  defp target, do: Path.join(Mix.Project.app_path(), "priv/chinwag_nif.so")

  defp build do
    cargo =
      System.find_executable("cargo") ||
        Mix.raise("cargo was not found: install Rust 1.91 or newer, or set CHINWAG_NIF_PATH")

    profile = if Mix.env() == :prod, do: ["--release"], else: []
    arguments = ~w(build --locked --lib --message-format=json-render-diagnostics) ++ profile

    case System.cmd(cargo, arguments, cd: @crate) do
      {messages, 0} -> artefact(messages)
      {_messages, status} -> Mix.raise("cargo build failed with status #{status}")
    end
  end

  # Cargo says where the library is; a workspace and CARGO_TARGET_DIR both move it.
  defp artefact(messages) do
    [_, path] =
      messages
      |> String.split("\n")
      |> Enum.filter(&(&1 =~ ~s("reason":"compiler-artifact") and &1 =~ ~s("name":"chinwag_nif")))
      |> Enum.find_value(&Regex.run(~r/"filenames":\["((?:[^"\\]|\\.)*)"/, &1)) ||
        Mix.raise("cargo did not say where it put the library")

    String.replace(path, ["\\\\", "\\\""], &binary_part(&1, 1, 1))
  end

  # By renaming: a running VM may have the old file mapped.
  defp install(library, target) do
    content = read!(library)

    if File.read(target) == {:ok, content} do
      :noop
    else
      File.mkdir_p!(Path.dirname(target))
      temporary = "#{target}.#{System.pid()}"
      File.write!(temporary, content)
      File.rename!(temporary, target)
      :ok
    end
  end

  defp read!(library) do
    case File.read(library) do
      {:ok, content} -> content
      {:error, reason} -> Mix.raise("#{library} cannot be read: #{:file.format_error(reason)}")
    end
  end
end
