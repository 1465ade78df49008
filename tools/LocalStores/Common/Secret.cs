using System.Security.Cryptography;

namespace Bsp.LocalStores.Common;

/// <summary>Files that only their owner may read.</summary>
internal static class Secret
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>24 random bytes as 48 hexadecimal digits: safe in URLs, connection strings and configuration files.</summary>
    public static string Create() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));

    /// <summary>The file's text; a file that is absent is first written with what <paramref name="create"/> gives.</summary>
    public static string LoadOrCreate(string path, Func<string> create)
    {
        if (!File.Exists(path))
        {
            Write(path, create());
        }

        return File.ReadAllText(path).Trim();
    }

    /// <summary>Replaces the file as a whole (mode 0600), so that a kill leaves the old text or the new one.</summary>
    public static void Write(string path, string text)
    {
        var unfinished = path + ".new";
        File.Delete(unfinished);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly };
        using (var writer = new StreamWriter(unfinished, options))
        {
            writer.Write(text);
        }

        File.Move(unfinished, path, overwrite: true);
    }
}
