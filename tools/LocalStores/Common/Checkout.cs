namespace Bsp.LocalStores.Common;

/// <summary>The checkout this program was built in.</summary>
internal static class Checkout
{
    /// <summary>The nearest directory above the program that holds Bsp.sln; null when it was moved elsewhere.</summary>
    public static string? Root { get; } = Find(AppContext.BaseDirectory);

    private static string? Find(string from)
    {
        for (var directory = new DirectoryInfo(from); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Bsp.sln")))
            {
                return directory.FullName;
            }
        }

        return null;
    }
}
