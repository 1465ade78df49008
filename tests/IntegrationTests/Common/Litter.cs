using System.Diagnostics;

namespace Bsp.IntegrationTests.Common;

/// <summary>What a test leaves on the disk.</summary>
internal static class Litter
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Removes a directory with everything in it. A process that is just ending may still write there: it is removed again until nothing
    /// comes any more.
    /// </summary>
    public static async Task DeleteAsync(string directory)
    {
        for (var waited = Stopwatch.StartNew(); Directory.Exists(directory);)
        {
            try
            {
                Directory.Delete(directory, recursive: true);
            }
            catch (IOException) when (waited.Elapsed < Patience)
            {
                await Task.Delay(Pause);
            }
        }
    }
}
