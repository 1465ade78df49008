namespace Bsp.UnitTests.EventStore;

/// <summary>Files of the checkout that tests compare with what the code says.</summary>
internal static class Repository
{
    /// <summary>Set to 1, the tests write what is missing or differs instead of failing.</summary>
    public static bool Writes => Environment.GetEnvironmentVariable("BSP_WRITE_SCHEMAS") == "1";

    public static string Path(params string[] parts) => System.IO.Path.Combine([Root(), .. parts]);

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(System.IO.Path.Combine(directory.FullName, "Bsp.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName
            ?? throw new InvalidOperationException("The tests run outside the checkout: Bsp.sln is in no directory above them.");
    }
}
