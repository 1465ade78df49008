namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>What lies beside the repository and is not part of it: real payloads, checks.</summary>
internal static class Shared
{
    /// <summary>
    /// The folder in <c>../shared</c> (or in the one that BSP_TEST_SHARED names); skips the calling test where it is absent.
    /// </summary>
    public static string FolderOrSkip(params string[] path)
    {
        var folder = Path.Combine([Root(), .. path]);
        Assert.SkipUnless(Directory.Exists(folder), $"{folder} is not there.");
        return folder;
    }

    private static string Root()
    {
        if (Environment.GetEnvironmentVariable("BSP_TEST_SHARED") is { Length: > 0 } given)
        {
            return given;
        }

        var checkout = new DirectoryInfo(AppContext.BaseDirectory);
        while (checkout is not null && !File.Exists(Path.Combine(checkout.FullName, "Bsp.sln")))
        {
            checkout = checkout.Parent;
        }

        Assert.SkipWhen(checkout?.Parent is null, "The tests do not lie in a checkout.");
        return Path.Combine(checkout!.Parent!.FullName, "shared");
    }
}
