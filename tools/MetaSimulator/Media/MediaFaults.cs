namespace Bsp.MetaSimulator.Media;

/// <summary>
/// What goes wrong with files, so often as is said; each count goes down as it happens. For the next calls, whichever file they are about.
/// </summary>
public sealed class MediaFaults
{
    private int _describe;
    private int _download;
    private int _wrongBytes;
    private int _upload;

    /// <summary>Look-ups that answer 500.</summary>
    public int Describe { get => _describe; set => _describe = value; }

    /// <summary>Downloads that answer 404, as of an address whose five minutes are over.</summary>
    public int Download { get => _download; set => _download = value; }

    /// <summary>Downloads that bring other bytes than were described.</summary>
    public int WrongBytes { get => _wrongBytes; set => _wrongBytes = value; }

    /// <summary>Uploads that answer 500.</summary>
    public int Upload { get => _upload; set => _upload = value; }

    internal bool TakeDescribe() => Take(ref _describe);

    internal bool TakeDownload() => Take(ref _download);

    internal bool TakeWrongBytes() => Take(ref _wrongBytes);

    internal bool TakeUpload() => Take(ref _upload);

    private static bool Take(ref int left)
    {
        for (var seen = Volatile.Read(ref left); seen > 0; seen = Volatile.Read(ref left))
        {
            if (Interlocked.CompareExchange(ref left, seen - 1, seen) == seen)
            {
                return true;
            }
        }

        return false;
    }
}
