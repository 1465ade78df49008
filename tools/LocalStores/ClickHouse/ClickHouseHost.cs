using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Bsp.LocalStores.ClickHouse;

/// <summary>
/// The side process: lends its main thread for life to the engine, which opens ClickHouse's own HTTP interface on loopback. The engine's
/// middle query
/// reads a pipe that only we hold; closing it lets the last query stop the listener, flush and return. docs/decisions/0012.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class ClickHouseHost
{
    private const int StandardInput = 0, SetDescriptorFlags = 2, CloseOnExec = 1;
    private const int Stopped = 0, EndedByItself = 3;
    private const string Session =
        "SYSTEM START LISTEN HTTP; SELECT * FROM file('/dev/stdin', LineAsString, 's String') FORMAT Null; SYSTEM STOP LISTEN HTTP";

    private static int _life; // the pipe's writing end
    private static int _asked;

    /// <summary>
    /// Serves until SIGTERM or SIGINT. 0: was asked to stop; 3: the engine ended by itself (port taken, data locked, bad option; it says so
    /// on stderr).
    /// </summary>
    public static int Run(string library, string data, string port, IEnumerable<string> options)
    {
        HoldStandardInput();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);

        var handle = NativeLibrary.Load(library);
        var commandLine = (delegate* unmanaged<int, byte**, void*>)NativeLibrary.GetExport(handle, "chdb_query_cmdline");
        var errorOf = (delegate* unmanaged<void*, byte*>)NativeLibrary.GetExport(handle, "chdb_result_error");
        string[] arguments =
            ["clickhouse", $"--path={data}", $"--http_port={port}", "--listen_host=127.0.0.1", .. options, "--query", Session];
        var result = commandLine(arguments.Length, Native(arguments));
        var error = result == null ? null : Marshal.PtrToStringUTF8((nint)errorOf(result));
        Console.Error.WriteLine(error ?? "clickhouse-host: the engine has returned");

        // A port taken or a lock held is no error to the engine's caller, only a return that nobody asked for.
        return error is null && _asked == 1 ? Stopped : EndedByItself;
    }

    private static void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (Interlocked.Exchange(ref _asked, 1) == 0)
        {
            _ = Close(_life);
        }
    }

    private static void HoldStandardInput()
    {
        var ends = stackalloc int[2];
        if (Pipe(ends) != 0 || Duplicate(ends[0], StandardInput) < 0)
        {
            throw new InvalidOperationException($"No pipe for the engine: errno {Marshal.GetLastPInvokeError()}.");
        }

        _ = Close(ends[0]);
        _life = ends[1];
        _ = Control(_life, SetDescriptorFlags, CloseOnExec);
    }

    // Never freed: the engine keeps the arguments as long as the process lives.
    private static byte** Native(string[] arguments)
    {
        var native = (byte**)NativeMemory.AllocZeroed((nuint)(arguments.Length + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < arguments.Length; i++)
        {
            native[i] = (byte*)Marshal.StringToCoTaskMemUTF8(arguments[i]);
        }

        return native;
    }

    [LibraryImport("libc", EntryPoint = "pipe", SetLastError = true)]
    private static partial int Pipe(int* ends);

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command, int argument);
}
