namespace Bsp.Infrastructure.Queue;

/// <summary>
/// The queue's scripts, each with the shared prelude in front. The client sends a script's hash, and its text when Redis forgot it.
/// </summary>
internal static class QueueScripts
{
    public static readonly string Enqueue = WithPrelude("enqueue");
    public static readonly string Take = WithPrelude("take");
    public static readonly string Finish = WithPrelude("finish");
    public static readonly string Retry = WithPrelude("retry");
    public static readonly string Extend = WithPrelude("extend");
    public static readonly string Stalled = WithPrelude("stalled");
    public static readonly string Revive = WithPrelude("revive");
    public static readonly string Pause = WithPrelude("pause");

    private static string WithPrelude(string name) => Text("prelude") + "\n" + Text(name);

    private static string Text(string name)
    {
        using var stream = typeof(QueueScripts).Assembly.GetManifestResourceStream($"Bsp.Infrastructure.Queue.Lua.{name}.lua")
            ?? throw new InvalidOperationException($"The script {name}.lua is not embedded in the assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
